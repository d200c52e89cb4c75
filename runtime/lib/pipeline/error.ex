defmodule Pipeline.Error do
  @moduledoc """
  An error, with a `message` for a person and a `kind` for a program.

  | kind | cause | exit status |
  | --- | --- | --- |
  | `:usage`, `:pipeline` | the user has to change the command line or the pipeline file | 2 |
  | `:unknown_model` | the provider does not know the model, so the user has to name another | 2 |
  | `:no_credit`, `:quota_exhausted`, `:account_disabled` | the user's account at the provider has to change | 1 |
  | `:authentication`, `:rate_limit`, `:provider_unavailable`, `:bad_request`, `:timeout`, `:write` | a provider or the file system failed | 1 |
  | `:empty_reply`, `:truncated`, `:context_window`, `:blocked` | the model gave no whole answer to the prompt | 1 |
  | `:turn_limit` | the model still called tools when its turns were used up | 1 |
  | `:invalid_answer` | the model's answer does not fit the schema | 1 |
  | `:step` | a step could not do its work | 1 |
  | `:crashed` | a defect of this runtime | 1 |

  `usage` has the calls and tokens that were used before the error, as far as they are known. `steps` lists the steps that were
  executed until the error, each with its own usage.

  `retry` says when the same call may succeed: `:never`, `:soon`, or after this number of milliseconds.
  """

  alias Pipeline.Model.Usage
  alias Pipeline.UsageReport

  defexception [:kind, :message, retry: :never, usage: %Usage{}, steps: []]

  @type kind ::
          :usage
          | :pipeline
          | :unknown_model
          | :no_credit
          | :quota_exhausted
          | :account_disabled
          | :authentication
          | :rate_limit
          | :provider_unavailable
          | :bad_request
          | :timeout
          | :empty_reply
          | :truncated
          | :context_window
          | :blocked
          | :turn_limit
          | :invalid_answer
          | :write
          | :step
          | :crashed

  @type retry :: :never | :soon | non_neg_integer()
  @type t :: %__MODULE__{
          kind: kind(),
          message: String.t(),
          retry: retry(),
          usage: Usage.t(),
          steps: [UsageReport.step()]
        }

  @doc "Return an error of this kind, without any usage."
  @spec new(kind(), String.t(), retry()) :: t()
  def new(kind, message, retry \\ :never), do: %__MODULE__{kind: kind, message: message, retry: retry}

  @doc "Return the error with this usage added to its own."
  @spec after_usage(t(), Usage.t()) :: t()
  def after_usage(%__MODULE__{} = error, usage), do: %{error | usage: Usage.add(usage, error.usage)}

  @doc "Return the error with the steps and the usage of a run whose steps have all been executed."
  @spec after_run(t(), UsageReport.t()) :: t()
  def after_run(%__MODULE__{} = error, result), do: %{error | usage: result.usage, steps: result.steps}

  @doc "Return 2 if the user has to change something, else 1."
  @spec exit_status(t()) :: 1 | 2
  def exit_status(%__MODULE__{kind: kind}) when kind in [:usage, :pipeline, :unknown_model], do: 2
  def exit_status(%__MODULE__{}), do: 1

  @doc "Return the line that programs read: `KIND: message`. Line breaks in the message become ` | `."
  @spec line(t()) :: String.t()
  def line(%__MODULE__{kind: kind, message: message}) do
    words = kind |> Atom.to_string() |> String.replace("_", " ")
    "#{words}: #{String.replace(message, ~r/\s*\n\s*/, " | ")}"
  end
end
