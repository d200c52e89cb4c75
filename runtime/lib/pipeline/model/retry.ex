defmodule Pipeline.Model.Retry do
  @moduledoc """
  Calls a provider again after a failure if another try may succeed.

  The wait before retry n is a random time up to base × 2ⁿ⁻¹, at most 30 seconds. Such a wait ("full jitter") keeps runs that
  failed at the same time from coming back at the same time. If the provider names a wait, the random time is added to it. If
  the provider names more than 60 seconds, the call is not repeated.

  Full jitter is described in https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
  """

  alias Pipeline.Error
  alias Pipeline.Model.Usage

  @max_named_wait_ms 60_000
  @max_random_wait_ms 30_000

  @doc """
  Call at most `1 + retries` times. Return the first success, and the usage of the failed tries before it, because a failed
  reply is paid for, too.

  `base` is the longest random wait before the first retry, in milliseconds.
  """
  @spec run((() -> {:ok, result} | {:error, Error.t()}), non_neg_integer(), non_neg_integer()) ::
          {:ok, result, Usage.t()} | {:error, Error.t()}
        when result: term()
  def run(call, retries, base), do: run(call, retries, base, 1, %Usage{})

  defp run(call, retries, base, try, usage) do
    case call.() do
      {:ok, result} ->
        {:ok, result, usage}

      {:error, %Error{retry: :never} = error} ->
        {:error, Error.after_usage(error, usage)}

      {:error, %Error{retry: wait} = error} when is_integer(wait) and wait > @max_named_wait_ms ->
        {:error, error |> with_refused_wait(wait) |> Error.after_usage(usage)}

      {:error, error} when try > retries ->
        {:error, error |> with_tries(try) |> Error.after_usage(usage)}

      {:error, error} ->
        wait(error, base, try)
        run(call, retries, base, try + 1, Usage.add(usage, error.usage))
    end
  end

  defp wait(error, base, try) do
    named_wait = if error.retry == :soon, do: 0, else: error.retry
    # 2²⁰ milliseconds are already longer than the limit, so higher powers need not be computed.
    max_random_wait = min(base * Integer.pow(2, min(try - 1, 20)), @max_random_wait_ms)
    Process.sleep(named_wait + :rand.uniform(max_random_wait + 1) - 1)
  end

  defp with_refused_wait(error, wait) do
    limit = div(@max_named_wait_ms, 1000)

    %{
      error
      | message:
          "#{error.message} (asks to wait #{div(wait + 999, 1000)} s; the runtime waits at most #{limit} s)"
    }
  end

  defp with_tries(error, 1), do: error
  defp with_tries(error, tries), do: %{error | message: "#{error.message} (tried #{tries} times)"}
end
