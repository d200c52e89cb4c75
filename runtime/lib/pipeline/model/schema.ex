defmodule Pipeline.Model.Schema do
  @moduledoc """
  Checks a JSON value by a JSON schema. `Pipeline.Model.Schema.Check` has to accept the schema first.

  Users write the schemas, and models write the values. Therefore, the work for any schema and value is limited.
  """

  # A check is given up after this number of visits, or after this time. Each visit checks one value by one schema.
  @max_visits 100_000
  @max_ms 2_000
  # One search for a pattern is given up after this number of steps of PCRE (its `match_limit`).
  @max_pattern_steps 50_000

  @doc "Return `:ok`, or all problems of a value with their places: `$.steps[0].name: expected string, got 5`."
  @spec validate(term(), map()) :: :ok | {:error, [String.t(), ...]}
  def validate(value, schema) do
    scope = %{root: schema, visits: :counters.new(1, []), deadline: now() + @max_ms}

    case problems(value, schema, "$", scope) do
      [] -> :ok
      problems -> {:error, Enum.uniq(problems)}
    end
  catch
    :too_much_work -> {:error, ["$: needs too much work to be checked by its schema"]}
  end

  defp problems(value, schema, at, scope) do
    count_visit(scope)

    if schema["nullable"] == true and is_nil(value),
      do: [],
      else:
        Enum.flat_map(schema, fn {keyword, expected} ->
          keyword(keyword, expected, value, schema, at, scope)
        end)
  end

  defp count_visit(%{visits: visits, deadline: deadline}) do
    :counters.add(visits, 1, 1)
    if :counters.get(visits, 1) > @max_visits or now() > deadline, do: throw(:too_much_work)
  end

  defp now, do: System.monotonic_time(:millisecond)

  defp keyword("type", types, value, _, at, _) do
    types = List.wrap(types)
    if Enum.any?(types, &type?(&1, value)), do: [], else: mismatch(at, Enum.join(types, " or "), value)
  end

  defp keyword("enum", values, value, _, at, _) do
    if Enum.any?(values, &same?(&1, value)),
      do: [],
      else: mismatch(at, "one of #{Enum.map_join(values, ", ", &excerpt/1)}", value)
  end

  defp keyword("const", expected, value, _, at, _),
    do: if(same?(expected, value), do: [], else: mismatch(at, excerpt(expected), value))

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
    do: expect(length(value) >= least, at, "at least #{least} items", length(value))

  defp keyword("maxItems", most, value, _, at, _) when is_list(value),
    do: expect(length(value) <= most, at, "at most #{most} items", length(value))

  defp keyword("uniqueItems", true, value, _, at, _) when is_list(value) do
    items = Enum.map(value, &normalize/1)
    if Enum.uniq(items) == items, do: [], else: ["#{at}: expected no item twice"]
  end

  defp keyword("minLength", least, value, _, at, _) when is_binary(value),
    do: expect(String.length(value) >= least, at, "at least #{least} characters", String.length(value))

  defp keyword("maxLength", most, value, _, at, _) when is_binary(value),
    do: expect(String.length(value) <= most, at, "at most #{most} characters", String.length(value))

  defp keyword("pattern", pattern, value, _, at, _) when is_binary(value) do
    {:ok, compiled} = :re.compile(pattern, [:unicode])

    case :re.run(value, compiled, [{:match_limit, @max_pattern_steps}, :report_errors, {:capture, :none}]) do
      :match -> []
      :nomatch -> mismatch(at, "a text that matches #{pattern}", value)
      {:error, _} -> ["#{at}: needs too much work to be checked by the pattern #{pattern}"]
    end
  end

  defp keyword("minimum", least, value, _, at, _) when is_number(value),
    do: expect(value >= least, at, "a number from #{least}", value)

  defp keyword("maximum", most, value, _, at, _) when is_number(value),
    do: expect(value <= most, at, "a number up to #{most}", value)

  defp keyword("exclusiveMinimum", least, value, _, at, _) when is_number(value),
    do: expect(value > least, at, "a number above #{least}", value)

  defp keyword("exclusiveMaximum", most, value, _, at, _) when is_number(value),
    do: expect(value < most, at, "a number below #{most}", value)

  defp keyword("allOf", schemas, value, _, at, scope),
    do: Enum.flat_map(schemas, &problems(value, &1, at, scope))

  defp keyword("anyOf", schemas, value, _, at, scope) do
    problems = Enum.map(schemas, &problems(value, &1, at, scope))
    if [] in problems, do: [], else: ["#{at}: fits none of what it may be: #{first_of_each(problems)}"]
  end

  defp keyword("oneOf", schemas, value, _, at, scope) do
    problems = Enum.map(schemas, &problems(value, &1, at, scope))

    case Enum.count(problems, &(&1 == [])) do
      1 -> []
      0 -> ["#{at}: fits none of what it may be: #{first_of_each(problems)}"]
      count -> ["#{at}: expected to fit exactly one of its schemas, fits #{count}"]
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

  defp first_of_each(problems), do: Enum.map_join(problems, "; or ", &hd/1)

  defp type?("object", value), do: is_map(value)
  defp type?("array", value), do: is_list(value)
  defp type?("string", value), do: is_binary(value)
  defp type?("boolean", value), do: is_boolean(value)
  defp type?("null", value), do: is_nil(value)
  defp type?("number", value), do: is_number(value)
  defp type?("integer", value), do: is_integer(normalize(value))

  # In JSON, 1 and 1.0 are the same number.
  defp same?(left, right), do: normalize(left) == normalize(right)

  defp normalize(number) when is_float(number),
    do: if(trunc(number) == number, do: trunc(number), else: number)

  defp normalize(list) when is_list(list), do: Enum.map(list, &normalize/1)
  defp normalize(%{} = map), do: Map.new(map, fn {key, value} -> {key, normalize(value)} end)
  defp normalize(value), do: value

  defp expect(true, _, _, _), do: []
  defp expect(false, at, expectation, value), do: mismatch(at, expectation, value)

  defp mismatch(at, expectation, value), do: ["#{at}: expected #{expectation}, got #{excerpt(value)}"]

  defp excerpt(nil), do: "null"
  defp excerpt(value), do: inspect(value, limit: 5, printable_limit: 80)

  defp below(at, name), do: if(name =~ ~r/\A[\w-]+\z/, do: "#{at}.#{name}", else: "#{at}[#{inspect(name)}]")
end
