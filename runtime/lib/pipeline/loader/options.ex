defmodule Pipeline.Loader.Options do
  @moduledoc "The settings that come in bundles: `claude_options`, `token_budget`, `retry_config`, and the presets."

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
    "production" => %{allowed_tools: ~w(Read List), max_turns: 10, temperature: 0.3},
    "analysis" => %{allowed_tools: ~w(Read List), max_turns: 10, temperature: 0.2},
    "chat" => %{allowed_tools: [], max_turns: 10},
    "test" => %{allowed_tools: ~w(Read List), max_turns: 3, temperature: 0.0}
  }

  @tools %{"Read" => "Read", "Write" => "Write", "Edit" => "Edit", "List" => "List", "LS" => "List"}
  @spec presets() :: [String.t()]
  def presets, do: Map.keys(@presets)

  @doc "What `claude_options` says, wherever it stands."
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

  @doc "What `token_budget` says, wherever it stands, under the names that a step has for it."
  @spec budget(map() | nil, Source.place()) :: {map(), [Note.t()]}
  def budget(nil, _), do: {%{}, []}

  def budget(budget, place) do
    {values, notes} = Fields.read(budget, place, @budget)
    {%{max_tokens: values.max_output_tokens, temperature: values.temperature}, notes}
  end

  @doc "What the preset of a step, or of the defaults, stands for."
  @spec preset(String.t(), String.t() | nil, %{:preset => String.t() | nil, optional(atom()) => term()}) ::
          map()
  def preset("claude", named, _), do: Map.get(@presets, named, %{})
  def preset("claude_smart", named, defaults), do: @presets[named || defaults.preset || "development"]
  def preset(_, named, defaults), do: Map.get(@presets, named || defaults.preset, %{})

  @doc "How often to try again, where it is said."
  @spec retries(map() | nil, Source.place()) :: {non_neg_integer() | nil, [Note.t()]}
  def retries(nil, _), do: {nil, []}

  def retries(config, place) do
    # Exponential is what the waits are anyway.
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
          "the tool #{inspect(name)} is not to be had here, only #{known} in the run's workspace"
        )
      end

    {names |> Enum.map(&@tools[&1]) |> Enum.filter(& &1) |> Enum.uniq(), notes}
  end
end
