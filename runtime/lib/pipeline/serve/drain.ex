defmodule Pipeline.Serve.Drain do
  @moduledoc """
  Ends a server. New runs are refused. Runs under way may end, and clients may read their results. Then the VM ends.

  The exit status is 0 if no run was cut off. Otherwise, it is 143, as for any command that SIGTERM ends.
  """

  alias Pipeline.Serve.Runs
  alias Pipeline.System.Signals

  @poll_ms 50
  # After the last result was read, requests that are still being answered get this time.
  @sending_ms 1_000

  @doc """
  Wait for the runs for at most this number of seconds. Then end the VM. `open_requests` counts the requests that are being
  answered.
  """
  @spec end_vm(non_neg_integer(), :counters.counters_ref()) :: no_return()
  def end_vm(seconds, open_requests) do
    Runs.drain()
    all_read? = wait(now() + seconds * 1000, fn -> match?(%{running: 0, unread: 0}, Runs.load()) end)
    if all_read?, do: wait(now() + @sending_ms, fn -> :counters.get(open_requests, 1) == 0 end)
    Signals.stop(if Runs.end_all() == 0, do: 0, else: Signals.terminated())
  end

  defp wait(deadline, done?) do
    cond do
      done?.() ->
        true

      now() >= deadline ->
        false

      true ->
        Process.sleep(@poll_ms)
        wait(deadline, done?)
    end
  end

  defp now, do: System.monotonic_time(:millisecond)
end
