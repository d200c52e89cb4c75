defmodule Pipeline.Loader.Options do
  @moduledoc """
  Reads the keys that have several settings in them: `claude_options`, `token_budget`, `retry_config` and `preset`.

  No preset sets a temperature, because newer models refuse one. Only a pipeline file can set it.
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

  # The names that a file may use for a tool, and the tool.
  @tools %{"Read" => "Read", "Write" => "Write", "Edit" => "Edit", "List" => "List", "LS" => "List"}

  @doc "Return the names of the presets."
  @spec presets() :: [String.t()]
  def presets, do: Map.keys(@presets)

  @doc "Read the `claude_options` of a step or of the defaults. Return the settings and the notes."
  @spec claude(map() | nil, Source.place()) :: {map(), [Note.t()]}
  def claude(nil, _), do: {%{}, []}

  def claude(options, place) do
    {values, notes} = Fields.read(options, place, @options)
    {allowed, tool_notes} = tools(values.allowed_tools, ["allowed_tools" | place])
    disallowed = values.disallowed_tools && Enum.map(values.disallowed_tools, &Map.get(@tools, &1, &1))

    placeholder_notes =
      Parts.placeholders(values.system_prompt, ["system_prompt" | place]) ++
        Parts.placeholders(values.append_system_prompt, ["append_system_prompt" | place])

    {%{values | allowed_tools: allowed, disallowed_tools: disallowed},
     notes ++ format_notes(values.output_format, place) ++ tool_notes ++ placeholder_notes}
  end

  defp format_notes(format, place) when format in ["json", "stream_json"] do
    reason = "has no effect: an answer is a text; for JSON use claude_extract"
    [Note.warning(["output_format" | place], reason)]
  end

  defp format_notes(_, _), do: []

  @doc "Read the `token_budget` of a step or of the defaults. Return its settings under the names of a step's keys, and the notes."
  @spec budget(map() | nil, Source.place()) :: {map(), [Note.t()]}
  def budget(nil, _), do: {%{}, []}

  def budget(budget, place) do
    {values, notes} = Fields.read(budget, place, @budget)
    {%{max_tokens: values.max_output_tokens, temperature: values.temperature}, notes}
  end

  @doc """
  Return the settings of a step's preset. If the step names none, the preset is that of the defaults.

  The types differ: a `claude` step never takes the preset of the defaults, and a `claude_smart` step without any preset has
  `development`. Other steps without a preset have no settings from it.
  """
  @spec preset(String.t(), String.t() | nil, %{:preset => String.t() | nil, optional(atom()) => term()}) ::
          map()
  def preset("claude", name, _), do: Map.get(@presets, name, %{})
  def preset("claude_smart", name, defaults), do: @presets[name || defaults.preset || "development"]
  def preset(_, name, defaults), do: Map.get(@presets, name || defaults.preset, %{})

  @doc "Return the number of retries in `retry_config`, or nil if there is none, and the notes."
  @spec retries(map() | nil, Source.place()) :: {non_neg_integer() | nil, [Note.t()]}
  def retries(nil, _), do: {nil, []}

  def retries(config, place) do
    # This value has an effect, because the waits are always exponential. Any other value causes a warning.
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
