defmodule Pipeline.Model.Schema do
  @moduledoc """
  Checks a JSON value by a schema, in the subset of JSON schema that both providers know. `Pipeline.Model.Schema.Check`
  checks that a schema is in this subset.

  The schema is the user's, and the value is a model's. The work is limited for every pair of schema and value.
  """

  # The most schemas that check one value, the most time, and the most steps of one pattern.
  @most_looks 100_000
  @most_milliseconds 2_000
  @most_steps 50_000

  @doc "Return every problem of a schema as a sentence that begins with its place."
  @spec check(term()) :: :ok | {:error, [String.t()]}
  defdelegate check(schema), to: Pipeline.Model.Schema.Check

  @doc "Return every problem of a schema with its place."
  @spec problems(term()) :: [Pipeline.Model.Schema.Check.problem()]
  defdelegate problems(schema), to: Pipeline.Model.Schema.Check

  @doc "Return what a provider refuses in a schema that has no other problem."
  @spec provider_problems(map(), atom()) :: [Pipeline.Model.Schema.Check.problem()]
  defdelegate provider_problems(schema, provider), to: Pipeline.Model.Schema.Check

  @doc "Return every problem of a value with its place: `$.steps[0].name: expected a string, got 5`."
  @spec validate(term(), map()) :: :ok | {:error, [String.t(), ...]}
  def validate(value, schema) do
    scope = %{root: schema, looks: :counters.new(1, []), deadline: now() + @most_milliseconds}

    case problems(value, schema, "$", scope) do
      [] -> :ok
      problems -> {:error, Enum.uniq(problems)}
    end
  catch
    :too_much_work -> {:error, ["$: needs too much work to be checked by its schema"]}
  end

  defp problems(value, schema, at, scope) do
    spend(scope)

    if schema["nullable"] == true and is_nil(value),
      do: [],
      else:
        Enum.flat_map(schema, fn {keyword, expected} ->
          keyword(keyword, expected, value, schema, at, scope)
        end)
  end

  defp spend(%{looks: looks, deadline: deadline}) do
    :counters.add(looks, 1, 1)
    if :counters.get(looks, 1) > @most_looks or now() > deadline, do: throw(:too_much_work)
  end

  defp now, do: System.monotonic_time(:millisecond)

  defp keyword("type", types, value, _, at, _) do
    types = List.wrap(types)
    if Enum.any?(types, &type?(&1, value)), do: [], else: expected(at, Enum.join(types, " or "), value)
  end

  defp keyword("enum", values, value, _, at, _) do
    if Enum.any?(values, &same?(&1, value)),
      do: [],
      else: expected(at, "one of #{Enum.map_join(values, ", ", &shown/1)}", value)
  end

  defp keyword("const", expected, value, _, at, _),
    do: if(same?(expected, value), do: [], else: expected(at, shown(expected), value))

  defp keyword("required", names, %{} = value, _, at, _),
    do: for(name <- names, not is_map_key(value, name), do: "#{at}: the key #{inspect(name)} is missing")

  defp keyword("properties", schemas, %{} = value, _, at, scope) do
    for {name, schema} <- schemas, is_map_key(value, name), reduce: [] do
      problems -> problems ++ problems(value[name], schema, below(at, name), scope)
    end
  end

  defp keyword("additionalProperties", rule, %{} = value, schema, at, scope) do
    for name <- Map.keys(value), not is_map_key(schema["properties"] || %{}, name), reduce: [] do
      problems -> problems ++ additional(rule, value[name], below(at, name), scope)
    end
  end

  defp keyword("items", schema, value, _, at, scope) when is_list(value) do
    value
    |> Enum.with_index()
    |> Enum.flat_map(fn {item, index} -> problems(item, schema, "#{at}[#{index}]", scope) end)
  end

  defp keyword("minItems", least, value, _, at, _) when is_list(value),
    do: unless_so(length(value) >= least, at, "at least #{least} items", length(value))

  defp keyword("maxItems", most, value, _, at, _) when is_list(value),
    do: unless_so(length(value) <= most, at, "at most #{most} items", length(value))

  defp keyword("uniqueItems", true, value, _, at, _) when is_list(value) do
    plain = Enum.map(value, &plain/1)
    if Enum.uniq(plain) == plain, do: [], else: ["#{at}: expected no item twice"]
  end

  defp keyword("minLength", least, value, _, at, _) when is_binary(value),
    do: unless_so(String.length(value) >= least, at, "at least #{least} characters", String.length(value))

  defp keyword("maxLength", most, value, _, at, _) when is_binary(value),
    do: unless_so(String.length(value) <= most, at, "at most #{most} characters", String.length(value))

  defp keyword("pattern", pattern, value, _, at, _) when is_binary(value) do
    {:ok, compiled} = :re.compile(pattern, [:unicode])

    case :re.run(value, compiled, [{:match_limit, @most_steps}, :report_errors, {:capture, :none}]) do
      :match -> []
      :nomatch -> expected(at, "a text that matches #{pattern}", value)
      {:error, _} -> ["#{at}: needs too much work to be checked by the pattern #{pattern}"]
    end
  end

  defp keyword("minimum", least, value, _, at, _) when is_number(value),
    do: unless_so(value >= least, at, "a number from #{least}", value)

  defp keyword("maximum", most, value, _, at, _) when is_number(value),
    do: unless_so(value <= most, at, "a number up to #{most}", value)

  defp keyword("exclusiveMinimum", least, value, _, at, _) when is_number(value),
    do: unless_so(value > least, at, "a number above #{least}", value)

  defp keyword("exclusiveMaximum", most, value, _, at, _) when is_number(value),
    do: unless_so(value < most, at, "a number below #{most}", value)

  defp keyword("allOf", schemas, value, _, at, scope),
    do: Enum.flat_map(schemas, &problems(value, &1, at, scope))

  defp keyword("anyOf", schemas, value, _, at, scope) do
    problems = Enum.map(schemas, &problems(value, &1, at, scope))
    if [] in problems, do: [], else: ["#{at}: fits none of what it may be: #{either(problems)}"]
  end

  defp keyword("oneOf", schemas, value, _, at, scope) do
    problems = Enum.map(schemas, &problems(value, &1, at, scope))

    case Enum.count(problems, &(&1 == [])) do
      1 -> []
      0 -> ["#{at}: fits none of what it may be: #{either(problems)}"]
      many -> ["#{at}: expected to fit exactly one of its schemas, fits #{many}"]
    end
  end

  defp keyword("$ref", "#/" <> place, value, _, at, scope) do
    [kind, name] = String.split(place, "/", parts: 2)
    problems(value, scope.root[kind][name], at, scope)
  end

  defp keyword(_, _, _, _, _, _), do: []

  defp additional(true, _, _, _), do: []
  defp additional(false, _, at, _), do: ["#{at}: this key is not expected"]
  defp additional(schema, value, at, scope), do: problems(value, schema, at, scope)

  defp either(problems), do: Enum.map_join(problems, "; or ", &hd/1)

  defp type?("object", value), do: is_map(value)
  defp type?("array", value), do: is_list(value)
  defp type?("string", value), do: is_binary(value)
  defp type?("boolean", value), do: is_boolean(value)
  defp type?("null", value), do: is_nil(value)
  defp type?("number", value), do: is_number(value)
  defp type?("integer", value), do: is_integer(plain(value))

  # 1 and 1.0 are one number in JSON.
  defp same?(one, other), do: plain(one) == plain(other)

  defp plain(number) when is_float(number), do: if(trunc(number) == number, do: trunc(number), else: number)
  defp plain(list) when is_list(list), do: Enum.map(list, &plain/1)
  defp plain(%{} = map), do: Map.new(map, fn {key, value} -> {key, plain(value)} end)
  defp plain(value), do: value

  defp unless_so(true, _, _, _), do: []
  defp unless_so(false, at, expected, value), do: expected(at, expected, value)

  defp expected(at, expected, value), do: ["#{at}: expected #{expected}, got #{shown(value)}"]
  defp shown(nil), do: "null"
  defp shown(value), do: inspect(value, limit: 5, printable_limit: 80)

  defp below(at, name), do: if(name =~ ~r/\A[\w-]+\z/, do: "#{at}.#{name}", else: "#{at}[#{inspect(name)}]")
end
