defmodule Pipeline.Step.Condition do
  @moduledoc """
  Whether a step is done. A condition is parsed when the pipeline is loaded, and evaluated by this module alone.

      condition: review.score >= 8 and not vars.draft
      condition: vars.language == "de" or (review.tags contains "urgent")

  `NAME` and `NAME.a[0].b` are the answer of an earlier step, or a place in it; `vars.NAME` is a variable. Texts are
  quoted, numbers, `true`, `false` and `null` are not. The operators are `==`, `!=`, `<`, `<=`, `>`, `>=`, `contains`,
  `not`, `and`, `or`, from the tightest to the loosest, and parentheses.

  What is not there (the answer of a skipped step, a variable that nobody set, a place without a value) is `null`. On
  its own a value holds unless it is `null`, `false`, `0`, empty, or only blank. Texts are compared without the blanks around
  them, and as numbers where the other side is a number; `<` and its like hold of two numbers or two texts only.
  """

  alias Pipeline.Model.Answer
  alias Pipeline.Value.{Extract, Number}

  @type operand ::
          {:literal, term()} | {:step, String.t(), Extract.path()} | {:variable, String.t(), Extract.path()}
  @type t ::
          {:value, operand()}
          | {:compare, String.t(), operand(), operand()}
          | {:not, t()}
          | {:and, t(), t()}
          | {:or, t(), t()}

  @longest 10_000
  @operators ~w(== != <= >= < > contains)
  @deepest 64

  @doc "The condition, and the names of the steps that it is about; or what is wrong with it."
  @spec parse(String.t()) :: {:ok, t(), [String.t()]} | {:error, String.t()}
  def parse(text) when byte_size(text) > @longest, do: {:error, "is longer than #{@longest} bytes"}

  def parse(text) do
    with {:ok, tokens} <- tokens(text, []) do
      {condition, []} = tokens |> either(0) |> ended()
      {:ok, condition, Enum.uniq(for {:step, name, _} <- operands(condition), do: name)}
    end
  catch
    {:unexpected, message} -> {:error, message}
  end

  @doc "The variables that it looks at."
  @spec variables(t()) :: [String.t()]
  def variables(condition), do: for({:variable, name, _} <- operands(condition), do: name)

  @spec holds?(t(), %{vars: %{String.t() => term()}, answers: %{String.t() => Answer.t()}}) :: boolean()
  def holds?({:value, operand}, scope), do: operand |> value(scope) |> truthy?()
  def holds?({:not, condition}, scope), do: not holds?(condition, scope)
  def holds?({:and, left, right}, scope), do: holds?(left, scope) and holds?(right, scope)
  def holds?({:or, left, right}, scope), do: holds?(left, scope) or holds?(right, scope)

  def holds?({:compare, operator, left, right}, scope) do
    {left, right} = alike(value(left, scope), value(right, scope))

    case operator do
      "==" -> left == right
      "!=" -> left != right
      "contains" -> contains?(left, right)
      _ -> ordered?(left, right) and apply(Kernel, order(operator), [left, right])
    end
  end

  defp order("<"), do: :<
  defp order("<="), do: :<=
  defp order(">"), do: :>
  defp order(">="), do: :>=

  defp value({:literal, value}, _), do: value

  defp value({:step, name, path}, scope) do
    case scope.answers do
      %{^name => answer} -> at(answer.value, path)
      _ -> nil
    end
  end

  defp value({:variable, name, path}, scope), do: at(scope.vars[name], path)

  defp at(value, path) do
    case Extract.fetch(value, path) do
      {:ok, found} -> found
      {:error, _} -> nil
    end
  end

  defp truthy?(value) when is_binary(value), do: String.trim(value) != ""
  defp truthy?(value), do: value not in [nil, false, [], %{}] and value != 0

  defp alike(left, right), do: {plain(left, right), plain(right, left)}

  defp plain(text, other) when is_binary(text) do
    trimmed = String.trim(text)

    case is_number(other) && Number.parse(trimmed) do
      {:ok, number} -> number
      _ -> trimmed
    end
  end

  defp plain(value, _), do: value

  defp ordered?(left, right),
    do: (is_number(left) and is_number(right)) or (is_binary(left) and is_binary(right))

  defp contains?(text, part) when is_binary(text) and is_binary(part), do: String.contains?(text, part)
  defp contains?(list, item) when is_list(list), do: Enum.any?(list, &(plain(&1, item) == item))
  defp contains?(map, key) when is_map(map), do: Map.has_key?(map, key)
  defp contains?(_, _), do: false

  # One token per turn, each with where it begins, for messages.
  defp tokens(text, read) do
    text = String.trim_leading(text)

    # Not a module attribute: OTP 28 keeps no compiled pattern in one.
    token =
      ~r/\A(?:(==|!=|<=|>=|<|>|\(|\))|"((?:[^"\\]|\\.)*)"|'([^']*)'|(-?\d+(?:\.\d+)?)(?![\w.])|([^\s()<>=!"']+))/u

    case text != "" && Regex.run(token, text) do
      false -> {:ok, Enum.reverse(read)}
      nil -> {:error, "cannot be read from #{inspect(String.slice(text, 0, 40))} on"}
      [all | groups] -> text |> rest(all) |> tokens([token(groups) | read])
    end
  end

  defp rest(text, all), do: binary_part(text, byte_size(all), byte_size(text) - byte_size(all))

  defp token([symbol]), do: {:symbol, symbol}
  defp token(["", text]), do: {:literal, Regex.replace(~r/\\(.)/u, text, "\\1")}
  defp token(["", "", text]), do: {:literal, text}
  defp token(["", "", "", number]), do: {:literal, number(number)}
  defp token(["", "", "", "", "true"]), do: {:literal, true}
  defp token(["", "", "", "", "false"]), do: {:literal, false}
  defp token(["", "", "", "", "null"]), do: {:literal, nil}
  defp token(["", "", "", "", word]) when word in ~w(and or not contains), do: {:symbol, word}
  defp token(["", "", "", "", word]), do: {:word, word}

  defp number(text) do
    case Number.parse(text) do
      {:ok, number} -> number
      :error -> throw({:unexpected, "#{String.slice(text, 0, 40)}… is too long for a number"})
    end
  end

  defp either(tokens, depth), do: tokens |> both(depth) |> chain("or", :or, &both(&1, depth))
  defp both(tokens, depth), do: tokens |> negated(depth) |> chain("and", :and, &negated(&1, depth))

  defp chain({left, [{:symbol, word} | tokens]}, word, kind, next) do
    {right, tokens} = next.(tokens)
    chain({{kind, left, right}, tokens}, word, kind, next)
  end

  defp chain(parsed, _, _, _), do: parsed

  defp negated(_, @deepest), do: throw({:unexpected, "is nested deeper than #{@deepest} levels"})

  defp negated([{:symbol, "not"} | tokens], depth) do
    {condition, tokens} = negated(tokens, depth + 1)
    {{:not, condition}, tokens}
  end

  defp negated([{:symbol, "("} | tokens], depth) do
    case either(tokens, depth + 1) do
      {condition, [{:symbol, ")"} | tokens]} -> {condition, tokens}
      {_, tokens} -> unexpected(tokens, "a closing parenthesis")
    end
  end

  defp negated(tokens, _) do
    case operand(tokens) do
      {left, [{:symbol, operator} | tokens]} when operator in @operators ->
        {right, tokens} = operand(tokens)
        {{:compare, operator, left, right}, tokens}

      {left, tokens} ->
        {{:value, left}, tokens}
    end
  end

  defp operand([{:literal, value} | tokens]), do: {{:literal, value}, tokens}

  defp operand([{:word, word} | tokens]) do
    case Extract.parse(word) do
      {:ok, ["vars", name | path]} when is_binary(name) -> {{:variable, name, path}, tokens}
      {:ok, [step | path]} when is_binary(step) and step != "vars" -> {{:step, step, path}, tokens}
      _ -> throw({:unexpected, "#{inspect(word)} is neither STEP.place nor vars.NAME; a text is quoted"})
    end
  end

  defp operand(tokens), do: unexpected(tokens, "a step, a variable or a value")

  defp ended({condition, []}), do: {condition, []}
  defp ended({_, tokens}), do: unexpected(tokens, "and, or, or the end")

  defp unexpected([], expected), do: throw({:unexpected, "ends where #{expected} is expected"})

  defp unexpected([{_, found} | _], expected),
    do: throw({:unexpected, "expected #{expected}, got #{inspect(found)}"})

  defp operands({:value, operand}), do: [operand]
  defp operands({:compare, _, left, right}), do: [left, right]
  defp operands({:not, condition}), do: operands(condition)
  defp operands({kind, left, right}) when kind in [:and, :or], do: operands(left) ++ operands(right)
end
