defmodule Pipeline.Model.Ask do
  @moduledoc """
  The question of a step to a model: the model's name, its settings, and the parts of the prompt.

    * `provider` - the service that answers; `:claude_program` is the `claude` command-line program
    * `temperature` - nil if the pipeline file sets no temperature; then no temperature is sent
    * `schema` - the JSON schema that the answer has to fit; `%{}` accepts any JSON, and nil any text
    * `repairs` - how often the model is asked to correct an answer that does not fit the schema
    * `tools` - names of the file tools that the model may use in the run's workspace
    * `max_tokens` - the largest number of output tokens of one reply
    * `max_turns` - the largest number of calls of the model that use tools or pause; calls that correct an answer, remind
      the model or repeat a failed call come on top
    * `retries` - how often a call is repeated if the provider fails; nil takes the number from the settings
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
    max_tokens: 64_000,
    repairs: 2,
    tools: [],
    max_turns: 10
  ]

  @typedoc """
  A part of a prompt. `path` leads to a place in a structured answer; it is empty for the whole answer. An optional part is
  left out if it has no value.
  """
  @type part ::
          {:static, String.t()}
          | {:variable, String.t()}
          | {:input, name :: String.t(), optional? :: boolean()}
          | {:file, Path.t()}
          | {:previous_response, step :: String.t(), path :: [String.t() | non_neg_integer()]}
          | {:optional, {:previous_response, step :: String.t(), path :: [String.t() | non_neg_integer()]}}

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
end
