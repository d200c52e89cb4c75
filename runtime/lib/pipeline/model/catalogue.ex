defmodule Pipeline.Model.Catalogue do
  @moduledoc """
  Lists what the runtime knows about models: the defaults, the short names of Claude models, and how many tokens a reply may
  have.

  No other module names models. The only other file that names one is `priv/pipelines/genesis.yaml`.
  """

  @default_models %{anthropic: "claude-sonnet-5-5", gemini: "gemini-3.8-flash"}
  # Anthropic's API does not know the short names of the claude program.
  @short_names %{
    "haiku" => "claude-haiku-5-5",
    "sonnet" => "claude-sonnet-5-5",
    "opus" => "claude-opus-5-5"
  }

  # Thoughts count as output, and a model may think for 30,000 tokens before it writes.
  @output_tokens %{anthropic: 64_000, gemini: 65_536}
  # These models refuse a request for more output.
  @smaller_output_tokens [
    {"claude-opus-4-1", 32_000},
    {"claude-opus-4-0", 32_000},
    {"claude-opus-4-2025", 32_000},
    {"claude-3-5", 8_192},
    {"claude-3-7", 64_000},
    {"claude-3", 4_096},
    {"gemini-2.0", 8_192},
    {"gemini-1", 8_192}
  ]

  # The names of Claude models up to 4.6. Newer models refuse any temperature but 1.
  @with_temperature ~r/\Aclaude-(\d|instant|(opus|sonnet|haiku)-4(?!-[7-9]\b))/

  # Later Claude models may refuse a request that forces them to call a tool.
  @with_forced_tool ~r/\Aclaude-(3|opus-4|sonnet-4|haiku-4)/

  # A reply names the dated or numbered version of the model: -20260115, @20260115, -001, -05-20, -preview-05-20.
  @version ~r/\A(-preview)?([-@]\d{8}|-\d{3}|-\d{2}-\d{2}|-\d{2}-\d{4})?\z/

  @type provider :: :anthropic | :gemini | :claude_program

  @doc "Return the model that a step asks if no setting names one."
  @spec default(provider()) :: String.t()
  def default(:claude_program), do: @default_models.anthropic
  def default(provider), do: Map.fetch!(@default_models, provider)

  @doc "Return the full name of a short name such as `opus`, and any other name unchanged."
  @spec full_name(String.t()) :: String.t()
  def full_name(name), do: Map.get(@short_names, name, name)

  @doc "Return current models of a provider, the default first, to suggest them in place of an unknown model."
  @spec current(provider()) :: [String.t()]
  def current(:gemini), do: [@default_models.gemini]
  def current(_), do: Enum.uniq([@default_models.anthropic | Map.values(@short_names)])

  @doc "Return the `max_tokens` of a step that sets none: the provider's default, or the limit of the model if it is lower."
  @spec max_tokens(provider(), String.t()) :: pos_integer()
  def max_tokens(provider, model) do
    default = if provider == :gemini, do: @output_tokens.gemini, else: @output_tokens.anthropic

    Enum.find_value(@smaller_output_tokens, default, fn {prefix, limit} ->
      if String.starts_with?(model, prefix), do: limit
    end)
  end

  @doc """
  Return true if the model takes a temperature other than 1.

      iex> Pipeline.Model.Catalogue.takes_temperature?("claude-opus-4-6")
      true
      iex> Pipeline.Model.Catalogue.takes_temperature?("claude-sonnet-5-5")
      false
  """
  @spec takes_temperature?(String.t()) :: boolean()
  def takes_temperature?("claude-" <> _ = model), do: model =~ @with_temperature
  def takes_temperature?(_), do: true

  @doc "Return true if a request may force this Claude model to call a tool."
  @spec takes_forced_tool?(String.t()) :: boolean()
  def takes_forced_tool?(model), do: model =~ @with_forced_tool

  @doc """
  Return true if the model `answered` is the model `asked`, or a version of it.

      iex> Pipeline.Model.Catalogue.same?("gemini-3.8-flash", "models/gemini-3.8-flash-001")
      true

  An alias that ends in `-latest` stands for every version of its model, and a short name for every model of its line.
  """
  @spec same?(String.t(), String.t()) :: boolean()
  def same?(asked, answered) when is_map_key(@short_names, asked),
    do: String.starts_with?(without_marks(answered), "claude-#{asked}-")

  def same?(asked, answered) do
    base = asked |> without_marks() |> String.replace_suffix("-latest", "")
    answered = without_marks(answered)
    String.starts_with?(answered, base) and String.replace_prefix(answered, base, "") =~ @version
  end

  # The claude program marks a model with a long context window: claude-sonnet-5-5[1m].
  defp without_marks(name),
    do: name |> String.replace_prefix("models/", "") |> String.replace(~r/\[\w+\]\z/, "")
end
