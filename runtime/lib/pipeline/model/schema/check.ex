defmodule Pipeline.Model.Schema.Check do
  @moduledoc """
  Checks that `Pipeline.Model.Schema` can check values by a schema, and that a provider accepts the schema. An unknown keyword
  is a problem, because no answer would be checked by it.
  """

  alias Pipeline.Value.NearestWord

  @types ~w(object array string number integer boolean null)
  # The values of these keywords are texts, or true and false.
  @texts ~w(title description format $schema $id $comment)
  @flags ~w(deprecated readOnly writeOnly)
  # These keywords are for people and models. No answer is checked by them.
  @remarks @texts ++ @flags ++ ~w(default examples)
  @known @remarks ++
           ~w(type properties required additionalProperties items enum const minimum maximum exclusiveMinimum) ++
           ~w(exclusiveMaximum minLength maxLength pattern minItems maxItems uniqueItems anyOf oneOf allOf nullable) ++
           ~w($ref $defs definitions)
  @max_depth 50

  # Anthropic refuses a tool's schema if a property has any other name.
  @anthropic_name ~r/\A[a-zA-Z0-9_.-]{1,64}\z/

  @typedoc "The keys and indices that lead from the schema to the problem, and the problem."
  @type problem :: {[String.t() | non_neg_integer()], String.t()}

  @doc "Return all problems of a schema, with their places in it."
  @spec problems(term()) :: [problem()]
  def problems(schema) do
    root = if is_map(schema), do: schema, else: %{}
    for {path, problem} <- problems(schema, [], root, 0), do: {Enum.reverse(path), problem}
  end

  @doc "Return what a provider refuses in a schema that has no other problem."
  @spec provider_problems(map(), atom()) :: [problem()]
  def provider_problems(schema, :anthropic),
    do: for({path, problem} <- refused_names(schema, []), do: {Enum.reverse(path), problem})

  def provider_problems(_, _), do: []

  defp refused_names(%{} = schema, path) do
    Enum.flat_map(schema, fn
      {"properties", %{} = schemas} ->
        for {name, _} <- schemas, not (name =~ @anthropic_name) do
          {[name, "properties" | path],
           "anthropic refuses this name of a property: expected 1 to 64 of the characters a-z, A-Z, 0-9, _, . and -"}
        end ++ refused_names_of(schemas, ["properties" | path])

      {named, %{} = schemas} when named in ~w($defs definitions) ->
        refused_names_of(schemas, [named | path])

      {inner, %{} = schema} when inner in ~w(items additionalProperties) ->
        refused_names(schema, [inner | path])

      {combination, schemas} when combination in ~w(anyOf oneOf allOf) ->
        schemas
        |> Enum.with_index()
        |> Enum.flat_map(fn {schema, index} -> refused_names(schema, [index, combination | path]) end)

      _ ->
        []
    end)
  end

  defp refused_names(_, _), do: []

  defp refused_names_of(schemas, path),
    do: Enum.flat_map(schemas, fn {name, schema} -> refused_names(schema, [name | path]) end)

  defp problems(_, at, _, depth) when depth > @max_depth,
    do: [{at, "is nested deeper than #{@max_depth} levels"}]

  defp problems(%{} = schema, at, root, depth) do
    Enum.flat_map(schema, fn {keyword, value} ->
      keyword(keyword, value, [keyword | at], root, depth + 1)
    end)
  end

  defp problems(other, at, _, _), do: [{at, "expected a mapping, got #{excerpt(other)}"}]

  defp keyword(text, value, at, _, _) when text in @texts,
    do: expect(is_binary(value), at, "a text", value)

  defp keyword(flag, value, at, _, _) when flag in @flags,
    do: expect(is_boolean(value), at, "true or false", value)

  defp keyword("examples", values, at, _, _),
    do: expect(is_list(values) and json?(values), at, "a list of values", values)

  defp keyword("default", value, at, _, _), do: expect(json?(value), at, "a value", value)

  defp keyword("type", nil, at, _, _),
    do: [{at, ~s(expected one or more of #{Enum.join(@types, ", ")}, got null: quote "null")}]

  defp keyword("type", types, at, _, _) do
    known? = types != [] and Enum.all?(List.wrap(types), &(&1 in @types)) and unique?(List.wrap(types))
    expect(known?, at, "one or more of #{Enum.join(@types, ", ")}, each once", types)
  end

  defp keyword("required", names, at, _, _),
    do:
      expect(
        is_list(names) and Enum.all?(names, &is_binary/1) and unique?(names),
        at,
        "a list of texts, each once",
        names
      )

  defp keyword("enum", values, at, _, _),
    do: expect(is_list(values) and values != [] and json?(values), at, "a list of values", values)

  defp keyword("const", value, at, _, _), do: expect(json?(value), at, "a value", value)

  defp keyword(limit, value, at, _, _) when limit in ~w(minimum maximum exclusiveMinimum exclusiveMaximum),
    do: expect(is_number(value), at, "a number", value)

  defp keyword(limit, value, at, _, _) when limit in ~w(minLength maxLength minItems maxItems),
    do: expect(is_integer(value) and value >= 0, at, "a whole number from 0", value)

  defp keyword(flag, value, at, _, _) when flag in ~w(uniqueItems nullable),
    do: expect(is_boolean(value), at, "true or false", value)

  defp keyword("pattern", pattern, at, _, _) when is_binary(pattern) do
    case :re.compile(pattern, [:unicode]) do
      {:ok, _} -> []
      {:error, {reason, place}} -> [{at, "is not a regular expression: #{reason} at character #{place}"}]
    end
  end

  defp keyword("pattern", other, at, _, _), do: expect(false, at, "a regular expression", other)

  defp keyword(named, %{} = schemas, at, root, depth) when named in ~w(properties $defs definitions),
    do: Enum.flat_map(schemas, fn {name, schema} -> problems(schema, [name | at], root, depth) end)

  defp keyword(named, other, at, _, _) when named in ~w(properties $defs definitions),
    do: expect(false, at, "a mapping of schemas by name", other)

  defp keyword("additionalProperties", flag, _, _, _) when is_boolean(flag), do: []

  defp keyword(inner, schema, at, root, depth) when inner in ~w(items additionalProperties),
    do: problems(schema, at, root, depth)

  defp keyword(combination, [_ | _] = schemas, at, root, depth) when combination in ~w(anyOf oneOf allOf) do
    schemas
    |> Enum.with_index()
    |> Enum.flat_map(fn {schema, index} -> problems(schema, [index | at], root, depth) end)
  end

  defp keyword(combination, other, at, _, _) when combination in ~w(anyOf oneOf allOf),
    do: expect(false, at, "a list of schemas", other)

  defp keyword("$ref", "#/" <> place, at, root, _) do
    with [kind, name] when kind in ["$defs", "definitions"] <- String.split(place, "/", parts: 2),
         %{^kind => %{^name => _}} <- root do
      []
    else
      _ -> [{at, "#{inspect("#/" <> place)} does not exist: expected #/$defs/NAME of this schema"}]
    end
  end

  defp keyword("$ref", other, at, _, _),
    do: [{at, "expected a reference to a schema in $defs, as #/$defs/NAME, got #{excerpt(other)}"}]

  defp keyword(other, _, at, _, _),
    do: [
      {at,
       "this keyword is not known, expected one of #{Enum.join(@known -- @remarks, ", ")}#{nearest(other)}"}
    ]

  defp nearest(word) do
    if nearest = NearestWord.find(to_string(word), @known),
      do: "; did you mean #{inspect(nearest)}?",
      else: ""
  end

  defp json?(value) when is_list(value), do: Enum.all?(value, &json?/1)
  defp json?(%{} = map), do: Enum.all?(map, fn {key, value} -> is_binary(key) and json?(value) end)
  defp json?(value), do: is_binary(value) or is_number(value) or is_boolean(value) or is_nil(value)

  defp expect(true, _, _, _), do: []
  defp expect(false, at, expectation, value), do: [{at, "expected #{expectation}, got #{excerpt(value)}"}]

  defp unique?(values), do: Enum.uniq(values) == values

  defp excerpt(value), do: inspect(value, limit: 5, printable_limit: 80)
end
