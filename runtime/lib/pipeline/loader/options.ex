defmodule Pipeline.Loader.Options do
  @moduledoc """
  Reads the settings that come in bundles: `claude_options`, `token_budget`, `retry_config`, and the presets. No preset sets
  a temperature: newer models refuse one, and only the author of a file can ask for it.
  """

  alias Pipeline.Loader.{Fields, Note, Parts, Source}

  @options [
    model: :text,
    max_turns: :count,
    allowed_tools: :texts,
    disallowed_tools: :texts,
    timeout_ms: :milliseconds,
    output_format: {:one_of, ~w(text json stream_json)},
    system_prompt: :text,
    append_system_prompt: :text
  ]
  @budget [max_output_tokens: :count, temperature: :number]

  @presets %{
    "development" => %{allowed_tools: ~w(Read Write Edit List), max_turns: 20},
    "production" => %{allowed_tools: ~w(Read List), max_turns: 10},
    "analysis" => %{allowed_tools: ~w(Read List), max_turns: 10},
    "chat" => %{allowed_tools: [], max_turns: 10},
    "test" => %{allowed_tools: ~w(Read List), max_turns: 3}
  }

  @tools %{"Read" => "Read", "Write" => "Write", "Edit" => "Edit", "List" => "List", "LS" => "List"}

  @doc "Return the names of the presets."
  @spec presets() :: [String.t()]
  def presets, do: Map.keys(@presets)

  @doc "Read `claude_options`, of a step or of the defaults."
  @spec claude(map() | nil, Source.place()) :: {map(), [Note.t()]}
  def claude(nil, _), do: {%{}, []}

  def claude(options, place) do
    {values, notes} = Fields.read(options, place, @options)
    format = values.output_format

    transcript =
      if format in ["json", "stream_json"],
        do: [
          Note.warning(
            ["output_format" | place],
            "has no effect: an answer is a text; for JSON use claude_extract"
          )
        ],
        else: []

    {allowed, refused} = tools(values.allowed_tools, ["allowed_tools" | place])
    disallowed = values.disallowed_tools && Enum.map(values.disallowed_tools, &Map.get(@tools, &1, &1))

    prompts =
      Parts.placeholders(values.system_prompt, ["system_prompt" | place]) ++
        Parts.placeholders(values.append_system_prompt, ["append_system_prompt" | place])

    {%{values | allowed_tools: allowed, disallowed_tools: disallowed},
     notes ++ transcript ++ refused ++ prompts}
  end

  @doc "Read `token_budget`, of a step or of the defaults, and return its values under the names that a step has for them."
  @spec budget(map() | nil, Source.place()) :: {map(), [Note.t()]}
  def budget(nil, _), do: {%{}, []}

  def budget(budget, place) do
    {values, notes} = Fields.read(budget, place, @budget)
    {%{max_tokens: values.max_output_tokens, temperature: values.temperature}, notes}
  end

  @doc "Return the settings of the preset that a step, or the defaults, name."
  @spec preset(String.t(), String.t() | nil, %{:preset => String.t() | nil, optional(atom()) => term()}) ::
          map()
  def preset("claude", named, _), do: Map.get(@presets, named, %{})
  def preset("claude_smart", named, defaults), do: @presets[named || defaults.preset || "development"]
  def preset(_, named, defaults), do: Map.get(@presets, named || defaults.preset, %{})

  @doc "Return the number of retries in `retry_config`, or nil if it has none."
  @spec retries(map() | nil, Source.place()) :: {non_neg_integer() | nil, [Note.t()]}
  def retries(nil, _), do: {nil, []}

  def retries(config, place) do
    # The waits are always exponential.
    config =
      if config["backoff_strategy"] == "exponential", do: Map.delete(config, "backoff_strategy"), else: config

    {values, notes} = Fields.read(config, place, max_retries: :whole)
    {values.max_retries, notes}
  end

  defp tools(nil, _), do: {nil, []}

  defp tools(names, place) do
    notes =
      for {name, index} <- Enum.with_index(names), not is_map_key(@tools, name) do
        known = "Read, Write, Edit and List (or LS)"

        Note.error(
          [index | place],
          "the tool #{inspect(name)} does not exist here: expected #{known}, which work in the run's workspace"
        )
      end

    {names |> Enum.map(&@tools[&1]) |> Enum.filter(& &1) |> Enum.uniq(), notes}
  end
end
