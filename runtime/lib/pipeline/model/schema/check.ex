defmodule Pipeline.Model.Schema.Check do
  @moduledoc """
  Whether a schema is one that `Pipeline.Model.Schema` can hold a value against. A keyword that is not known is an error: it
  would be a promise that nobody keeps.
  """

  @types ~w(object array string number integer boolean null)
  # What they say is for people and models.
  @remarks ~w(title description default examples format $schema $id $comment deprecated readOnly writeOnly)
  @known @remarks ++
           ~w(type properties required additionalProperties items enum const minimum maximum exclusiveMinimum) ++
           ~w(exclusiveMaximum minLength maxLength pattern minItems maxItems uniqueItems anyOf oneOf allOf nullable) ++
           ~w($ref $defs definitions)
  @deepest 50

  @spec check(term()) :: :ok | {:error, [String.t()]}
  def check(schema) do
    case problems(schema, "schema", if(is_map(schema), do: schema, else: %{}), 0) do
      [] -> :ok
      problems -> {:error, problems}
    end
  end

  defp problems(_, at, _, depth) when depth > @deepest, do: ["#{at}: is nested more than #{@deepest} deep"]

  defp problems(%{} = schema, at, root, depth) do
    Enum.flat_map(schema, fn {keyword, value} ->
      keyword(keyword, value, "#{at}.#{keyword}", root, depth + 1)
    end)
  end

  defp problems(other, at, _, _), do: ["#{at}: expected a mapping, got #{shown(other)}"]

  defp keyword(remark, _, _, _, _) when remark in @remarks, do: []

  defp keyword("type", nil, at, _, _),
    do: [~s(#{at}: expected one or more of #{Enum.join(@types, ", ")}, got null: quote "null")]

  defp keyword("type", types, at, _, _) do
    if types != [] and Enum.all?(List.wrap(types), &(&1 in @types)),
      do: [],
      else: ["#{at}: expected one or more of #{Enum.join(@types, ", ")}, got #{shown(types)}"]
  end

  defp keyword("required", names, at, _, _),
    do: unless_so(is_list(names) and Enum.all?(names, &is_binary/1), at, "a list of texts", names)

  defp keyword("enum", values, at, _, _),
    do: unless_so(is_list(values) and values != [] and json?(values), at, "a list of values", values)

  defp keyword("const", value, at, _, _), do: unless_so(json?(value), at, "a value", value)

  defp keyword(limit, value, at, _, _) when limit in ~w(minimum maximum exclusiveMinimum exclusiveMaximum),
    do: unless_so(is_number(value), at, "a number", value)

  defp keyword(limit, value, at, _, _) when limit in ~w(minLength maxLength minItems maxItems),
    do: unless_so(is_integer(value) and value >= 0, at, "a whole number from 0", value)

  defp keyword(flag, value, at, _, _) when flag in ~w(uniqueItems nullable),
    do: unless_so(is_boolean(value), at, "true or false", value)

  defp keyword("pattern", pattern, at, _, _) when is_binary(pattern) do
    case :re.compile(pattern, [:unicode]) do
      {:ok, _} -> []
      {:error, {reason, place}} -> ["#{at}: is no regular expression: #{reason} at #{place}"]
    end
  end

  defp keyword("pattern", other, at, _, _), do: unless_so(false, at, "a regular expression", other)

  defp keyword(named, %{} = schemas, at, root, depth) when named in ~w(properties $defs definitions),
    do: Enum.flat_map(schemas, fn {name, schema} -> problems(schema, "#{at}.#{name}", root, depth) end)

  defp keyword(named, other, at, _, _) when named in ~w(properties $defs definitions),
    do: unless_so(false, at, "a mapping of schemas by name", other)

  defp keyword("additionalProperties", flag, _, _, _) when is_boolean(flag), do: []

  defp keyword(inner, schema, at, root, depth) when inner in ~w(items additionalProperties),
    do: problems(schema, at, root, depth)

  defp keyword(some, [_ | _] = schemas, at, root, depth) when some in ~w(anyOf oneOf allOf) do
    schemas
    |> Enum.with_index()
    |> Enum.flat_map(fn {schema, index} -> problems(schema, "#{at}[#{index}]", root, depth) end)
  end

  defp keyword(some, other, at, _, _) when some in ~w(anyOf oneOf allOf),
    do: unless_so(false, at, "a list of schemas", other)

  defp keyword("$ref", "#/" <> place, at, root, _) do
    with [kind, name] when kind in ["$defs", "definitions"] <- String.split(place, "/", parts: 2),
         %{^kind => %{^name => _}} <- root do
      []
    else
      _ -> ["#{at}: #{inspect("#/" <> place)} is not there: expected #/$defs/NAME of this schema"]
    end
  end

  defp keyword("$ref", other, at, _, _),
    do: ["#{at}: only a schema in $defs can be referred to, as #/$defs/NAME, got #{shown(other)}"]

  defp keyword(other, _, at, _, _),
    do: [
      "#{at}: this keyword is not known, expected one of #{Enum.join(@known -- @remarks, ", ")}#{nearest(other)}"
    ]

  defp nearest(word) do
    best = Enum.max_by(@known, &String.jaro_distance(&1, to_string(word)))

    if String.jaro_distance(best, to_string(word)) > 0.8, do: "; did you mean #{inspect(best)}?", else: ""
  end

  defp json?(value) when is_list(value), do: Enum.all?(value, &json?/1)
  defp json?(%{} = map), do: Enum.all?(map, fn {key, value} -> is_binary(key) and json?(value) end)
  defp json?(value), do: is_binary(value) or is_number(value) or is_boolean(value) or is_nil(value)

  defp unless_so(true, _, _, _), do: []
  defp unless_so(false, at, what, value), do: ["#{at}: expected #{what}, got #{shown(value)}"]

  defp shown(value), do: inspect(value, limit: 5, printable_limit: 80)
end
