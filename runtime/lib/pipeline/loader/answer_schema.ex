defmodule Pipeline.Loader.AnswerSchema do
  @moduledoc """
  Reads the schema that the answer of a step has to fit. A step names it in one of these keys:

    * `schema` - the schema itself
    * `extraction_config` - `format: json` for any JSON, or for JSON that fits `schema` in this key or beside it; `format: text`
      for a text
    * `functions` - the name of one function in the workflow's `gemini_functions`, whose `parameters` are the schema
  """

  alias Pipeline.Loader.{Fields, Note, Parts, Source}
  alias Pipeline.Model.Schema.Check

  @doc """
  Return the schema and the notes. The schema is nil if the step asks for a text, or if there is an error.

  `values` are the values of the step's keys. `provider` is the service that has to accept the schema.
  """
  @spec read(map(), Source.place(), Parts.context(), atom()) :: {map() | nil, [Note.t()]}
  def read(values, place, context, provider) do
    {schema, notes} = choose(values, place, context)
    {schema, notes ++ provider_notes(schema, provider, schema_place(values, place))}
  end

  defp choose(%{functions: functions} = values, place, _)
       when functions != nil and (values.schema != nil or values.extraction_config != nil),
       do: {nil, [Note.error(["functions" | place], "has functions beside a schema: expected one of them")]}

  defp choose(%{extraction_config: config} = values, place, _) when config != nil do
    config_place = ["extraction_config" | place]
    {config, notes} = Fields.read(config, config_place, format: {:one_of, ~w(json text)}, schema: :mapping)

    {schema, more_notes} =
      case {config.format, values.schema, config.schema} do
        {"text", nil, nil} ->
          {nil, []}

        {"text", _, _} ->
          {nil, [Note.error(config_place, "has format: text beside a schema: expected one of them")]}

        {_, nil, schema} ->
          check(schema || %{}, ["schema" | config_place])

        {_, schema, nil} ->
          check(schema, ["schema" | place])

        _ ->
          {nil, [Note.error(config_place, "repeats the schema of the step: expected one of them")]}
      end

    {schema, notes ++ more_notes}
  end

  defp choose(%{functions: [name]}, place, %{functions: functions}) do
    case functions do
      %{^name => %{"parameters" => parameters}} when is_map(parameters) ->
        check(parameters, ["parameters", name, "gemini_functions", "workflow"])

      _ ->
        {nil,
         [Note.error([0, "functions" | place], "gemini_functions has no #{inspect(name)} with parameters")]}
    end
  end

  defp choose(%{functions: [_, _ | _]}, place, _),
    do: {nil, [Note.error(["functions" | place], "expected one function: the answer is one value")]}

  defp choose(%{schema: nil}, place, _),
    do:
      {nil,
       [Note.error(place, "expected the key schema, a JSON schema, or extraction_config with format: json")]}

  defp choose(%{schema: schema}, place, _), do: check(schema, ["schema" | place])

  defp check(schema, place) do
    case Check.problems(schema) do
      [] ->
        {schema, []}

      problems ->
        {nil,
         for(
           {path, problem} <- problems,
           do: Note.error(Enum.reverse(path) ++ place, "as a JSON schema: #{problem}")
         )}
    end
  end

  defp provider_notes(nil, _, _), do: []

  defp provider_notes(schema, provider, place) do
    for {path, problem} <- Check.provider_problems(schema, provider),
        do: Note.error(Enum.reverse(path) ++ place, problem)
  end

  defp schema_place(%{schema: %{}}, place), do: ["schema" | place]
  defp schema_place(%{extraction_config: %{}}, place), do: ["schema", "extraction_config" | place]
  defp schema_place(_, place), do: ["functions" | place]
end
