defmodule Pipeline.Model.Ask do
  @moduledoc """
  What a step asks of a model: which one, with which settings, and the parts of its prompt.

    * `provider` - who answers; `:claude_program` is the `claude` command-line program
    * `schema` - the JSON schema that the answer has to fit (`%{}` for any JSON), or nil where any text will do
    * `repairs` - how often an answer that does not fit is asked for again, with what was wrong with it
    * `tools` - names of file tools that the model may use in the run's workspace
    * `max_turns` - how many calls of the model the use of tools may take
    * `retries` - tries after the first, where the provider is at fault; nil for as many as the settings say
  """

  @enforce_keys [:provider, :model, :prompt]
  defstruct [
    :provider,
    :model,
    :prompt,
    :temperature,
    :system_prompt,
    :schema,
    :retries,
    max_tokens: 32_768,
    repairs: 2,
    tools: [],
    max_turns: 10
  ]

  @type part ::
          {:static, String.t()}
          | {:variable, String.t()}
          | {:input, name :: String.t(), optional? :: boolean()}
          | {:file, Path.t()}
          | {:previous_response, step :: String.t(), path :: [String.t() | non_neg_integer()]}
          | {:optional, part()}

  @type t :: %__MODULE__{
          provider: :anthropic | :gemini | :claude_program,
          model: String.t(),
          prompt: [part()],
          temperature: float() | nil,
          system_prompt: String.t() | nil,
          schema: map() | nil,
          max_tokens: pos_integer(),
          repairs: non_neg_integer(),
          tools: [String.t()],
          max_turns: pos_integer(),
          retries: non_neg_integer() | nil
        }

  # The newer ones take more than anybody asks for here.
  @fewer_tokens [
    {"claude-opus-4-1", 32_000},
    {"claude-opus-4-0", 32_000},
    {"claude-opus-4-2025", 32_000},
    {"claude-3-7", 32_768},
    {"claude-3-5", 8_192},
    {"claude-3", 4_096}
  ]

  @doc "The `max_tokens` where nothing is said of them: a model that takes fewer refuses every request for more."
  @spec max_tokens(String.t()) :: pos_integer()
  def max_tokens(model) do
    Enum.find_value(@fewer_tokens, 32_768, fn {name, most} ->
      if String.starts_with?(model, name), do: most
    end)
  end
end
