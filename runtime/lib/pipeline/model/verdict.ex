defmodule Pipeline.Model.Verdict do
  @moduledoc """
  Decides what the runtime does with a reply. A provider gives a reason why a reply ended. Each provider module has a table that
  maps these reasons to verdicts:

    * `:complete` - the text and the tool calls of the reply count
    * `:paused` - the model goes on as soon as the conversation is sent again
    * `:output_limit` - the reply was cut off at `max_tokens`, so the prompt asks for too much
    * `:context_limit` - prompt and reply fill the model's context window, so the prompt is too long
    * `:refused` - the model, or a filter of its provider, refuses this prompt
    * `:sample_refused` - a filter refuses this reply, and may accept another one to the same prompt
    * `:passing_fault` - the provider failed, and another try may succeed
    * `:request_fault` - the provider will refuse this request each time
    * `:account_disabled` - the provider no longer answers this account

  A reason that is in no table has the verdict `:unknown`. Such a reply is a failure, never an answer.
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

  @doc "Return the verdict for a reason, or `:unknown` if the table does not have the reason."
  @spec of(%{String.t() => t()}, String.t()) :: t() | :unknown
  def of(table, reason), do: Map.get(table, reason, :unknown)

  @doc """
  Return the error for a reply that is not an answer, with the usage of the reply, because its tokens are paid for.

  `reason` is the provider's own word, with an explanation if the provider gave one.
  """
  @spec failure(t() | :unknown, String.t(), String.t(), Usage.t()) :: {:error, Error.t()}
  def failure(verdict, model, reason, usage) do
    {kind, retry, message} = describe(verdict)
    {:error, %{Error.new(kind, "#{model} #{message} (#{reason})", retry) | usage: usage}}
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
