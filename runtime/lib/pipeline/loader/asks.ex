defmodule Pipeline.Loader.Asks do
  @moduledoc """
  Reads the steps that ask a model. A setting is taken from the first of these places that has it:

    1. the step's own keys
    2. its `claude_options` and its `token_budget`
    3. its preset
    4. the `defaults` of the workflow
  """

  alias Pipeline.Loader.{AnswerSchema, Fields, Note, Options, Parts, Source}
  alias Pipeline.Model.{Ask, Catalogue}

  # For each type of step, the family of the model and the kind of the answer.
  @types %{
    "claude" => {:claude, :text},
    "claude_smart" => {:claude, :text},
    "claude_robust" => {:claude, :text},
    "claude_extract" => {:claude, :structured},
    "gemini" => {:gemini, :text},
    "gemini_extract" => {:gemini, :structured},
    "gemini_instructor" => {:gemini, :structured}
  }

  @common [
    model: :text,
    temperature: :number,
    max_tokens: :count,
    system_prompt: :text,
    prompt: {:required, :any},
    token_budget: :mapping,
    retry_config: :mapping
  ]
  # The further keys of a family or of a kind.
  @further %{
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
  @max_temperatures %{anthropic: 1, gemini: 2}

  @doc "Return the names of the types of these steps."
  @spec types() :: [String.t()]
  def types, do: Map.keys(@types)

  @doc "Return `:structured` if later steps can take places from the answer of such a step, else `:text`."
  @spec kind(String.t()) :: :text | :structured
  def kind(type), do: elem(@types[type], 1)

  @doc "Return the keys that such a step may have."
  @spec specification(String.t()) :: Fields.specification()
  def specification(type) do
    {family, kind} = @types[type]
    functions = if type == "gemini_instructor", do: [functions: :texts], else: []
    @common ++ @further[family] ++ @further[kind] ++ functions
  end

  @doc "Return the question of a step to its model, the step's time limit in milliseconds, and the notes."
  @spec make(String.t(), map(), Source.place(), Parts.context()) ::
          {Ask.t(), pos_integer() | nil, [Note.t()]}
  def make(type, values, place, context) do
    {family, kind} = @types[type]
    provider = provider(family, values[:via])

    {prompt, prompt_notes} = prompt(values, place, context)
    {options, option_notes} = Options.claude(values[:claude_options], ["claude_options" | place])
    {budget, budget_notes} = Options.budget(values.token_budget, ["token_budget" | place])
    {retries, retry_notes} = Options.retries(values.retry_config, ["retry_config" | place])

    {schema, schema_notes} =
      if kind == :structured, do: AnswerSchema.read(values, place, context, provider), else: {nil, []}

    setting = settings(type, family, values, options, budget, context)

    ask =
      provider
      |> ask(setting, values[:via])
      |> struct!(
        prompt: prompt,
        schema: schema,
        tools: if(family == :claude, do: tools(kind, setting, options), else: []),
        repairs: values[:repairs] || 2,
        retries: retries
      )

    notes = [prompt_notes, option_notes, budget_notes, retry_notes, schema_notes]
    own_notes = temperature_notes(ask, values, budget, place) ++ unsent_notes(values, setting, place)
    {ask, setting.(:timeout_ms), Enum.concat(notes) ++ own_notes}
  end

  defp prompt(values, place, context) do
    {parts, notes} =
      if values.prompt, do: Parts.read(values.prompt, ["prompt" | place], context), else: {[], []}

    {parts, notes ++ Parts.placeholders(values.system_prompt, ["system_prompt" | place])}
  end

  # Return a function that returns a setting of the step by its key, or nil.
  defp settings(type, family, values, options, budget, context) do
    defaults = defaults(family, context.defaults)
    preset = Options.preset(type, values[:preset], defaults)
    sources = [values, options, budget, preset, defaults.options, defaults.budget, defaults]
    # Only nil is a missing value: false, 0.0 and [] are settings, too.
    fn key -> sources |> Enum.map(& &1[key]) |> Enum.find(&(&1 != nil)) end
  end

  defp defaults(:claude, defaults),
    do: %{
      model: defaults.claude_model,
      options: defaults.claude_options,
      budget: %{},
      preset: defaults.claude_preset
    }

  defp defaults(:gemini, defaults),
    do: %{model: defaults.gemini_model, options: %{}, budget: defaults.gemini_token_budget, preset: nil}

  defp ask(provider, setting, via) do
    model = model(setting.(:model) || Catalogue.default(provider), via)

    %Ask{
      provider: provider,
      model: model,
      prompt: [],
      temperature: setting.(:temperature),
      max_tokens: setting.(:max_tokens) || Catalogue.max_tokens(provider, model),
      system_prompt: join(setting.(:system_prompt), setting.(:append_system_prompt)),
      max_turns: setting.(:max_turns) || 10
    }
  end

  defp provider(:gemini, _), do: :gemini
  defp provider(:claude, "program"), do: :claude_program
  defp provider(:claude, _), do: :anthropic

  # The claude program knows the short names of models itself.
  defp model(name, "program"), do: name
  defp model(name, _), do: Catalogue.full_name(name)

  defp join(prompt, nil), do: prompt
  defp join(nil, appendix), do: appendix
  defp join(prompt, appendix), do: prompt <> "\n\n" <> appendix

  # A preset or the defaults give no tools to a step that is asked for one value.
  defp tools(:structured, _, options),
    do: (options[:allowed_tools] || []) -- (options[:disallowed_tools] || [])

  defp tools(:text, setting, _),
    do: (setting.(:allowed_tools) || []) -- (setting.(:disallowed_tools) || [])

  # A temperature for the claude program is not checked, because it is not sent.
  defp temperature_notes(%Ask{temperature: temperature, provider: provider} = ask, values, budget, place)
       when temperature != nil and is_map_key(@max_temperatures, provider) do
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

  defp temperature_notes(_, _, _, _), do: []

  defp temperature_problem(provider, model, temperature) do
    limit = @max_temperatures[provider]

    cond do
      temperature > limit ->
        "expected a number from 0 to #{limit}, the highest temperature of #{provider}"

      temperature != 1 and not Catalogue.takes_temperature?(model) ->
        "expected no temperature: #{model} refuses any but 1"

      true ->
        nil
    end
  end

  # Warn of settings that the claude program does not take.
  defp unsent_notes(%{via: "program"} = values, setting, place) do
    for key <- [:temperature, :max_tokens], setting.(key) != nil do
      name = Atom.to_string(key)
      no_effect = "has no effect: the claude program decides on it by itself"

      if values[key],
        do: Note.warning([name | place], no_effect),
        else: Note.warning(place, "the #{name} of its token_budget or the defaults #{no_effect}")
    end
  end

  defp unsent_notes(_, _, _), do: []
end
