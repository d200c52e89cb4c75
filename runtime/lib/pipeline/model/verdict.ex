defmodule Pipeline.Model.Verdict do
  @moduledoc """
  Says what the runtime does with a reply, by the reason for which the provider says that the reply ended. Each provider
  has one table from its reasons to these verdicts:

    * `:complete` - the text and the tool calls of the reply count
    * `:paused` - the model goes on as soon as the conversation is sent again
    * `:output_limit` - the reply was cut off at `max_tokens`; the prompt is at fault
    * `:context_limit` - prompt and reply fill the model's context window; the prompt is at fault
    * `:refused` - the model, or a filter of its provider, refuses this prompt
    * `:sample_refused` - a filter refuses this reply, and may accept another one to the same prompt
    * `:passing_fault` - the provider failed and may succeed at the next try
    * `:request_fault` - the provider will refuse this request each time
    * `:account_disabled` - the provider answers nothing to this account any more

  A reason that is in no table counts as `:unknown`: the reply is a failure, never an answer.
  """

  alias Pipeline.Error
  alias Pipeline.Model.Usage

  @type t ::
          :complete
          | :paused
          | :output_limit
          | :context_limit
          | :refused
          | :sample_refused
          | :passing_fault
          | :request_fault
          | :account_disabled

  @doc "Look up a reason. `:unknown` stands for a reason that the table does not have."
  @spec of(%{String.t() => t()}, String.t()) :: t() | :unknown
  def of(table, reason), do: Map.get(table, reason, :unknown)

  @doc """
  Return the error for a reply that is no answer. `reason` is the provider's own word, with its explanation if the
  provider gave one. The tokens of the reply are paid for.
  """
  @spec failure(t() | :unknown, String.t(), String.t(), Usage.t()) :: {:error, Error.t()}
  def failure(verdict, model, reason, usage) do
    {kind, again, message} = describe(verdict)
    {:error, %{Error.new(kind, "#{model} #{message} (#{reason})", again) | usage: usage}}
  end

  defp describe(:output_limit),
    do:
      {:truncated, :never,
       "was cut off at its limit of output tokens: ask for a shorter answer, or raise max_tokens"}

  defp describe(:context_limit),
    do:
      {:context_window, :never,
       "was cut off because prompt and answer fill its context window: shorten the prompt or its files"}

  defp describe(:refused), do: {:blocked, :never, "refused the prompt"}
  defp describe(:sample_refused), do: {:blocked, :soon, "gave no answer, because a filter stopped the reply"}
  defp describe(:passing_fault), do: {:provider_unavailable, :soon, "failed to answer"}
  defp describe(:request_fault), do: {:bad_request, :never, "does not accept this conversation"}

  defp describe(:account_disabled),
    do: {:account_disabled, :never, "gave no answer, because its provider limited or disabled this account"}

  defp describe(:unknown),
    do: {:provider_unavailable, :soon, "ended its reply for a reason that this runtime does not know"}
end
