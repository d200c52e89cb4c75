defmodule Pipeline.Error do
  @moduledoc """
  What went wrong, for a person (`message`) and for a program (`kind`).

  Kinds: `:usage`, `:pipeline` and `:unknown_model` are the user's to mend. `:no_credit`, `:quota_exhausted`,
  `:account_disabled`, `:authentication`, `:rate_limit`, `:provider_unavailable`,
  `:bad_request`, `:timeout` and `:write` are the outside world's. `:empty_reply`, `:truncated`, `:context_window`, `:blocked`,
  `:turn_limit` (it would have gone on using tools) and `:invalid_answer` (it does not fit the schema) are what a model
  made of the prompt. `:step` is a step that could not do its work, `:crashed` a defect of this runtime.

  `usage` is what was paid before it failed, as far as it is known, and `steps` says by which step of a run.

  `again` says whether the same call may go well later: `:never`, `:soon`, or not before so many milliseconds.
  """

  alias Pipeline.Model.Usage
  alias Pipeline.UsageReport

  defexception [:kind, :message, again: :never, usage: %Usage{}, steps: []]

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

  @type again :: :never | :soon | non_neg_integer()
  @type t :: %__MODULE__{
          kind: kind(),
          message: String.t(),
          again: again(),
          usage: Usage.t(),
          steps: [UsageReport.step()]
        }

  @spec new(kind(), String.t(), again()) :: t()
  def new(kind, message, again \\ :never), do: %__MODULE__{kind: kind, message: message, again: again}

  @doc "The same, with more that was paid before it."
  @spec after_usage(t(), Usage.t()) :: t()
  def after_usage(%__MODULE__{} = error, usage), do: %{error | usage: Usage.add(usage, error.usage)}

  @doc "An error after the last step of a run, all of which was paid."
  @spec after_run(t(), UsageReport.t()) :: t()
  def after_run(%__MODULE__{} = error, result), do: %{error | usage: result.usage, steps: result.steps}

  @doc "2 where the user has to change something, 1 where the outside world failed."
  @spec exit_status(t()) :: 1 | 2
  def exit_status(%__MODULE__{kind: kind}) when kind in [:usage, :pipeline, :unknown_model], do: 2
  def exit_status(%__MODULE__{}), do: 1

  @doc "The one line that programs read: `KIND: message`."
  @spec line(t()) :: String.t()
  def line(%__MODULE__{kind: kind, message: message}) do
    words = kind |> Atom.to_string() |> String.replace("_", " ")
    "#{words}: #{String.replace(message, ~r/\s*\n\s*/, " | ")}"
  end
end
