defmodule Pipeline.Loader.Asks do
  @moduledoc """
  Reads the steps that ask a model. The step's own keys go before its `claude_options` and `token_budget`, these before its
  preset, and all of them before the `defaults` of the workflow.
  """

  alias Pipeline.Loader.{Fields, Note, Options, Parts, Source}
  alias Pipeline.Model.{Ask, Catalogue}
  alias Pipeline.Model.Schema.Check

  @types %{
    "claude" => {:claude, :text},
    "claude_smart" => {:claude, :text},
    "claude_robust" => {:claude, :text},
    "claude_extract" => {:claude, :structured},
    "gemini" => {:gemini, :text},
    "gemini_extract" => {:gemini, :structured},
    "gemini_instructor" => {:gemini, :structured}
  }

  @specification [
    model: :text,
    temperature: :number,
    max_tokens: :count,
    system_prompt: :text,
    prompt: {:required, :any},
    token_budget: :mapping,
    retry_config: :mapping
  ]
  @specifications %{
    claude: [
      claude_options: :mapping,
      preset: {:one_of, Options.presets()},
      via: {:one_of, ~w(api program)}
    ],
    gemini: [],
    structured: [schema: :mapping, extraction_config: :mapping, repairs: :whole],
    text: []
  }
  # The highest temperature that a provider accepts.
  @temperatures %{anthropic: 1, gemini: 2}

  @doc "Return the names of the types of these steps."
  @spec types() :: [String.t()]
  def types, do: Map.keys(@types)

  @doc "Return `:structured` if the answers of such a step are values with places in them, otherwise `:text`."
  @spec kind(String.t()) :: :text | :structured
  def kind(type), do: elem(@types[type], 1)

  @doc "Return the keys that such a step may have."
  @spec specification(String.t()) :: Fields.specification()
  def specification(type) do
    {family, kind} = @types[type]
    functions = if type == "gemini_instructor", do: [functions: :texts], else: []
    @specification ++ @specifications[family] ++ @specifications[kind] ++ functions
  end

  @doc "Return what the step asks, its time-out in milliseconds, and the notes."
  @spec make(String.t(), map(), Source.place(), Parts.context()) ::
          {Ask.t(), pos_integer() | nil, [Note.t()]}
  def make(type, values, place, context) do
    {family, kind} = @types[type]

    {prompt, prompted} =
      if values.prompt, do: Parts.read(values.prompt, ["prompt" | place], context), else: {[], []}

    {options, optioned} = Options.claude(values[:claude_options], ["claude_options" | place])
    {budget, budgeted} = Options.budget(values.token_budget, ["token_budget" | place])
    {retries, retried} = Options.retries(values.retry_config, ["retry_config" | place])
    {schema, schemed} = if kind == :structured, do: schema(values, place, context), else: {nil, []}

    defaults = defaults(family, context.defaults)
    preset = Options.preset(type, values[:preset], defaults)
    sources = [values, options, budget, preset, defaults.options, defaults.budget, defaults]
    pick = fn key -> Enum.find_value(sources, &wrapped(&1, key)) |> unwrapped() end

    provider = provider(family, values[:via])
    model = model(pick.(:model) || Catalogue.default(provider), values[:via])
    schemed = schemed ++ schema_notes(schema, provider, values, place)

    ask = %Ask{
      provider: provider,
      model: model,
      prompt: prompt,
      temperature: pick.(:temperature),
      max_tokens: pick.(:max_tokens) || Catalogue.max_tokens(provider, model),
      system_prompt: joined(pick.(:system_prompt), pick.(:append_system_prompt)),
      schema: schema,
      tools: if(family == :claude, do: allowed(pick, kind, options), else: []),
      max_turns: pick.(:max_turns) || 10,
      repairs: values[:repairs] || 2,
      retries: retries
    }

    prompted = prompted ++ Parts.placeholders(values.system_prompt, ["system_prompt" | place])

    {ask, pick.(:timeout_ms),
     prompted ++
       optioned ++
       budgeted ++
       retried ++
       schemed ++
       temperature(ask, values, budget, place) ++ unsent(values, pick, place)}
  end

  # The values false, 0.0 and [] count as values, too.
  defp wrapped(source, key), do: if(source[key] != nil, do: {:value, source[key]})
  defp unwrapped({:value, value}), do: value
  defp unwrapped(nil), do: nil

  defp defaults(:claude, defaults),
    do: %{
      model: defaults.claude_model,
      options: defaults.claude_options,
      budget: %{},
      preset: defaults.claude_preset
    }

  defp defaults(:gemini, defaults),
    do: %{model: defaults.gemini_model, options: %{}, budget: defaults.gemini_token_budget, preset: nil}

  defp provider(:gemini, _), do: :gemini
  defp provider(:claude, "program"), do: :claude_program
  defp provider(:claude, _), do: :anthropic

  defp model(name, "program"), do: name
  defp model(name, _), do: Catalogue.full_name(name)

  defp joined(prompt, nil), do: prompt
  defp joined(nil, more), do: more
  defp joined(prompt, more), do: prompt <> "\n\n" <> more

  # A preset gives no tools to a step that is asked for one value.
  defp allowed(_, :structured, options),
    do: (options[:allowed_tools] || []) -- (options[:disallowed_tools] || [])

  defp allowed(pick, :text, _), do: (pick.(:allowed_tools) || []) -- (pick.(:disallowed_tools) || [])

  # The step can have one schema.
  defp schema(%{functions: functions} = values, place, _)
       when functions != nil and (values.schema != nil or values.extraction_config != nil),
       do: {nil, [Note.error(["functions" | place], "has functions beside a schema: expected one of them")]}

  defp schema(%{extraction_config: config} = values, place, _) when config != nil do
    {read, notes} =
      Fields.read(config, ["extraction_config" | place], format: {:one_of, ~w(json text)}, schema: :mapping)

    case {values.schema, read.schema, read.format} do
      {nil, nil, "text"} ->
        {nil, notes}

      {_, _, "text"} ->
        {nil,
         [
           Note.error(["extraction_config" | place], "has format: text beside a schema: expected one of them")
           | notes
         ]}

      {nil, schema, _} ->
        with_notes(known_schema(schema || %{}, ["schema" | place]), notes)

      {schema, nil, _} ->
        with_notes(known_schema(schema, ["schema" | place]), notes)

      _ ->
        {nil,
         [
           Note.error(["extraction_config" | place], "repeats the schema of the step: expected one of them")
           | notes
         ]}
    end
  end

  defp schema(%{functions: [name]} = values, place, %{functions: functions}) when values.schema == nil do
    case functions do
      %{^name => %{"parameters" => parameters}} when is_map(parameters) ->
        known_schema(parameters, ["functions" | place])

      _ ->
        {nil,
         [Note.error([0, "functions" | place], "gemini_functions has no #{inspect(name)} with parameters")]}
    end
  end

  defp schema(%{functions: [_, _ | _]}, place, _),
    do: {nil, [Note.error(["functions" | place], "expected one function: the answer is one value")]}

  defp schema(%{schema: nil}, place, _),
    do:
      {nil,
       [Note.error(place, "expected the key schema, a JSON schema, or extraction_config with format: json")]}

  defp schema(%{schema: schema}, place, _), do: known_schema(schema, ["schema" | place])

  defp with_notes({schema, more}, notes), do: {schema, notes ++ more}

  defp known_schema(schema, place) do
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

  defp schema_notes(nil, _, _, _), do: []

  defp schema_notes(schema, provider, values, place) do
    place = schema_place(values, place)

    for {path, problem} <- Check.provider_problems(schema, provider),
        do: Note.error(Enum.reverse(path) ++ place, problem)
  end

  defp schema_place(%{schema: %{}}, place), do: ["schema" | place]
  defp schema_place(%{extraction_config: %{}}, place), do: ["schema", "extraction_config" | place]
  defp schema_place(_, place), do: ["functions" | place]

  # The program chooses the temperature itself, so the value in the file does not matter.
  defp temperature(%Ask{temperature: temperature, provider: provider} = ask, values, budget, place)
       when temperature != nil and is_map_key(@temperatures, provider) do
    {place, source} =
      cond do
        values.temperature != nil -> {["temperature" | place], ""}
        budget[:temperature] != nil -> {["temperature", "token_budget" | place], ""}
        true -> {place, "the temperature of the defaults: "}
      end

    case temperature_problem(provider, ask.model, temperature) do
      nil -> []
      problem -> [Note.error(place, "#{source}#{problem}#{Note.got(temperature)}")]
    end
  end

  defp temperature(_, _, _, _), do: []

  defp temperature_problem(provider, model, temperature) do
    limit = @temperatures[provider]

    cond do
      temperature > limit ->
        "expected a number from 0 to #{limit}, the highest temperature of #{provider}"

      temperature != 1 and not Catalogue.takes_temperature?(model) ->
        "expected no temperature: #{model} refuses any but 1"

      true ->
        nil
    end
  end

  # The value may come from the step, its token_budget or the defaults.
  defp unsent(%{via: "program"} = values, pick, place) do
    for key <- [:temperature, :max_tokens], pick.(key) != nil do
      name = Atom.to_string(key)
      no_effect = "has no effect: the claude program decides on it by itself"

      if values[key],
        do: Note.warning([name | place], no_effect),
        else: Note.warning(place, "the #{name} of its token_budget or the defaults #{no_effect}")
    end
  end

  defp unsent(_, _, _), do: []
end
