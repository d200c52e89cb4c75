defmodule Pipeline.Model.Retry do
  @moduledoc """
  Calls a provider again after a failure that another try may mend.

  The wait before try n is a random time up to base × 2ⁿ⁻¹ ("full jitter"), at most 30 seconds, so that runs that failed
  together do not return together. A wait that the provider named is added to the random time. A provider that names more
  than 60 seconds is not asked again.
  """

  alias Pipeline.Error
  alias Pipeline.Model.Usage

  @longest_named_wait 60_000
  @longest_random_wait 30_000

  @doc """
  Call at most `1 + retries` times. Return the result, and the usage of the failed tries before it: a failed reply is
  paid for too. `base` is in milliseconds.
  """
  @spec run((() -> {:ok, result} | {:error, Error.t()}), non_neg_integer(), non_neg_integer()) ::
          {:ok, result, Usage.t()} | {:error, Error.t()}
        when result: term()
  def run(call, retries, base), do: run(call, retries, base, 1, %Usage{})

  defp run(call, retries, base, try, usage) do
    case call.() do
      {:ok, result} ->
        {:ok, result, usage}

      {:error, %Error{again: :never} = error} ->
        {:error, Error.after_usage(error, usage)}

      {:error, %Error{again: wait} = error} when is_integer(wait) and wait > @longest_named_wait ->
        {:error, error |> too_long(wait) |> Error.after_usage(usage)}

      {:error, error} when try > retries ->
        {:error, error |> tried(try) |> Error.after_usage(usage)}

      {:error, error} ->
        wait(error, base, try)
        run(call, retries, base, try + 1, Usage.add(usage, error.usage))
    end
  end

  defp wait(error, base, try) do
    named = if error.again == :soon, do: 0, else: error.again
    longest = min(base * Integer.pow(2, min(try - 1, 20)), @longest_random_wait)
    Process.sleep(named + :rand.uniform(longest + 1) - 1)
  end

  defp too_long(error, wait) do
    limit = div(@longest_named_wait, 1000)

    %{
      error
      | message:
          "#{error.message} (asks to wait #{div(wait + 999, 1000)} s; the runtime waits at most #{limit} s)"
    }
  end

  defp tried(error, 1), do: error
  defp tried(error, tries), do: %{error | message: "#{error.message} (tried #{tries} times)"}
end
