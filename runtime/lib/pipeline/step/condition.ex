defmodule Pipeline.Step.Condition do
  @moduledoc """
  Parses and evaluates the condition of a step. If the condition does not hold, the step is skipped.

      condition: review.score >= 8 and not vars.draft
      condition: vars.language == "de" or (review.tags contains "urgent")

  A condition is parsed when the pipeline is loaded, and only this module evaluates it. Nothing in it is executed as Elixir.

  ## Operands

    * `NAME` - the answer of an earlier step; `NAME.a[0].b` - a place in that answer
    * `vars.NAME` - a variable; `vars.NAME.a[0].b` - a place in its value
    * `"text"`, `'text'`, `8`, `-1.5`, `true`, `false`, `null` - literals

  A value that does not exist is `null`: the answer of a skipped step, a variable that is not set, a place without a value.

  ## Operators

  From the tightest to the loosest: `== != < <= > >= contains`, then `not`, then `and`, then `or`. Parentheses group.

  A value without an operator holds unless it is `null`, `false`, `0`, empty or blank. Blanks around texts are ignored in
  comparisons. A text is compared as a number if the other side is a number. `<`, `<=`, `>` and `>=` hold only between two
  numbers or two texts.
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

  @max_bytes 10_000
  @operators ~w(== != <= >= < > contains)
  @max_depth 64

  @doc "Return the condition and the names of the steps that it refers to, or the reason why the text is not a condition."
  @spec parse(String.t()) :: {:ok, t(), [String.t()]} | {:error, String.t()}
  def parse(text) when byte_size(text) > @max_bytes, do: {:error, "is longer than #{@max_bytes} bytes"}

  def parse(text) do
    with {:ok, tokens} <- tokens(text, []) do
      condition = tokens |> parse_or(0) |> parse_end()
      {:ok, condition, Enum.uniq(for {:step, name, _} <- operands(condition), do: name)}
    end
  catch
    {:unexpected, message} -> {:error, message}
  end

  @doc "Return the names of the variables in the condition."
  @spec variables(t()) :: [String.t()]
  def variables(condition), do: for({:variable, name, _} <- operands(condition), do: name)

  @doc "Return true if the condition holds for these variables and answers."
  @spec holds?(t(), %{vars: %{String.t() => term()}, answers: %{String.t() => Answer.t()}}) :: boolean()
  def holds?({:value, operand}, scope), do: operand |> value(scope) |> truthy?()
  def holds?({:not, condition}, scope), do: not holds?(condition, scope)
  def holds?({:and, left, right}, scope), do: holds?(left, scope) and holds?(right, scope)
  def holds?({:or, left, right}, scope), do: holds?(left, scope) or holds?(right, scope)

  def holds?({:compare, operator, left, right}, scope) do
    {left, right} = comparable(value(left, scope), value(right, scope))

    case operator do
      "==" -> left == right
      "!=" -> left != right
      "contains" -> contains?(left, right)
      _ -> ordered?(left, right) and apply(Kernel, kernel_function(operator), [left, right])
    end
  end

  defp kernel_function("<"), do: :<
  defp kernel_function("<="), do: :<=
  defp kernel_function(">"), do: :>
  defp kernel_function(">="), do: :>=

  defp value({:literal, value}, _), do: value

  defp value({:step, name, path}, scope) do
    case scope.answers do
      %{^name => answer} -> extract(answer.value, path)
      _ -> nil
    end
  end

  defp value({:variable, name, path}, scope), do: extract(scope.vars[name], path)

  defp extract(container, path) do
    case Extract.fetch(container, path) do
      {:ok, value} -> value
      {:error, _} -> nil
    end
  end

  defp truthy?(value) when is_binary(value), do: String.trim(value) != ""
  defp truthy?(value), do: value not in [nil, false, [], %{}] and value != 0

  defp comparable(left, right), do: {normalize(left, right), normalize(right, left)}

  # Trim a text, and convert it to a number if `other` is one.
  defp normalize(text, other) when is_binary(text) do
    trimmed = String.trim(text)

    case is_number(other) && Number.parse(trimmed) do
      {:ok, number} -> number
      _ -> trimmed
    end
  end

  defp normalize(value, _), do: value

  defp ordered?(left, right),
    do: (is_number(left) and is_number(right)) or (is_binary(left) and is_binary(right))

  defp contains?(text, part) when is_binary(text) and is_binary(part), do: String.contains?(text, part)
  defp contains?(list, item) when is_list(list), do: Enum.any?(list, &(normalize(&1, item) == item))
  defp contains?(map, key) when is_map(map), do: Map.has_key?(map, key)
  defp contains?(_, _), do: false

  # Split the text into tokens, one per call. `tokens` has the tokens before `text`, the last one first.
  defp tokens(text, tokens) do
    text = String.trim_leading(text)

    # This is not a module attribute, because OTP 28 cannot keep a compiled pattern in one.
    token =
      ~r/\A(?:(==|!=|<=|>=|<|>|\(|\))|"((?:[^"\\]|\\.)*)"|'([^']*)'|(-?\d+(?:\.\d+)?)(?![\w.])|([^\s()<>=!"']+))/u

    case text != "" && Regex.run(token, text) do
      false -> {:ok, Enum.reverse(tokens)}
      nil -> {:error, "cannot be read from #{inspect(String.slice(text, 0, 40))} on"}
      [match | groups] -> text |> rest(match) |> tokens([token(groups) | tokens])
    end
  end

  defp rest(text, match), do: binary_part(text, byte_size(match), byte_size(text) - byte_size(match))

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

  # A recursive-descent parser. Each function parses one level of precedence and returns the condition and the tokens after it.
  defp parse_or(tokens, depth),
    do: tokens |> parse_and(depth) |> parse_chain("or", :or, &parse_and(&1, depth))

  defp parse_and(tokens, depth),
    do: tokens |> parse_not(depth) |> parse_chain("and", :and, &parse_not(&1, depth))

  defp parse_chain({left, [{:symbol, word} | tokens]}, word, kind, parse_operand) do
    {right, tokens} = parse_operand.(tokens)
    parse_chain({{kind, left, right}, tokens}, word, kind, parse_operand)
  end

  defp parse_chain(parsed, _, _, _), do: parsed

  defp parse_not(_, @max_depth), do: throw({:unexpected, "is nested deeper than #{@max_depth} levels"})

  defp parse_not([{:symbol, "not"} | tokens], depth) do
    {condition, tokens} = parse_not(tokens, depth + 1)
    {{:not, condition}, tokens}
  end

  defp parse_not([{:symbol, "("} | tokens], depth) do
    case parse_or(tokens, depth + 1) do
      {condition, [{:symbol, ")"} | tokens]} -> {condition, tokens}
      {_, tokens} -> unexpected(tokens, "a closing parenthesis")
    end
  end

  defp parse_not(tokens, _) do
    case parse_operand(tokens) do
      {left, [{:symbol, operator} | tokens]} when operator in @operators ->
        {right, tokens} = parse_operand(tokens)
        {{:compare, operator, left, right}, tokens}

      {left, tokens} ->
        {{:value, left}, tokens}
    end
  end

  defp parse_operand([{:literal, value} | tokens]), do: {{:literal, value}, tokens}

  defp parse_operand([{:word, word} | tokens]) do
    case Extract.parse(word) do
      {:ok, ["vars", name | path]} when is_binary(name) -> {{:variable, name, path}, tokens}
      {:ok, [step | path]} when is_binary(step) and step != "vars" -> {{:step, step, path}, tokens}
      _ -> throw({:unexpected, "#{inspect(word)} is neither STEP.place nor vars.NAME; put a text in quotes"})
    end
  end

  defp parse_operand(tokens), do: unexpected(tokens, "a step, a variable or a value")

  defp parse_end({condition, []}), do: condition
  defp parse_end({_, tokens}), do: unexpected(tokens, "and, or, or the end")

  defp unexpected([], expected), do: throw({:unexpected, "ends where #{expected} is expected"})

  defp unexpected([{_, value} | _], expected),
    do: throw({:unexpected, "expected #{expected}, got #{inspect(value)}"})

  defp operands({:value, operand}), do: [operand]
  defp operands({:compare, _, left, right}), do: [left, right]
  defp operands({:not, condition}), do: operands(condition)
  defp operands({kind, left, right}) when kind in [:and, :or], do: operands(left) ++ operands(right)
end
