defmodule Pipeline.Model.Retry do
  @moduledoc """
  Calls again where a provider was at fault and says, or may be taken to say, that another try helps.

  The wait before try n is anything up to base × 2ⁿ⁻¹ ("full jitter"), so that runs that failed together do not come
  back together. Where the provider named a time, that comes on top.
  """

  alias Pipeline.Error

  # A provider that wants to be left alone for longer has failed.
  @longest_asked 60_000
  @longest 30_000

  @months ~w(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec)

  @doc "Call at most `1 + retries` times. `base` is in milliseconds."
  @spec run((() -> {:ok, result} | {:error, Error.t()}), non_neg_integer(), non_neg_integer()) ::
          {:ok, result} | {:error, Error.t()}
        when result: term()
  def run(call, retries, base), do: run(call, retries, base, 1)

  defp run(call, retries, base, try) do
    case call.() do
      {:error, %Error{again: :never} = error} -> {:error, error}
      {:error, error} when try > retries -> {:error, tried(error, try)}
      {:error, %Error{again: wait} = error} when is_integer(wait) and wait > @longest_asked -> {:error, error}
      {:error, error} -> again(call, retries, base, try, error)
      {:ok, result} -> {:ok, result}
    end
  end

  defp again(call, retries, base, try, error) do
    asked = if error.again == :soon, do: 0, else: error.again
    most = min(base * Integer.pow(2, min(try - 1, 20)), @longest)
    Process.sleep(asked + :rand.uniform(most + 1) - 1)
    run(call, retries, base, try + 1)
  end

  @doc "What the header Retry-After asks for, in milliseconds: whole seconds, or a date, or nothing that is understood."
  @spec asked(String.t()) :: Error.again()
  def asked(header) do
    with :error <- seconds(header), :error <- date(header), do: :soon
  end

  defp seconds(header) do
    case Integer.parse(header) do
      {seconds, ""} when seconds >= 0 -> seconds * 1000
      _ -> :error
    end
  end

  defp date(header) do
    with [_, day, month, year, time] <-
           Regex.run(~r/\A\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d:\d\d:\d\d) GMT\z/, header),
         month when month != nil <- Enum.find_index(@months, &(&1 == month)),
         month = String.pad_leading("#{month + 1}", 2, "0"),
         {:ok, date, 0} <- DateTime.from_iso8601("#{year}-#{month}-#{day}T#{time}Z") do
      max(DateTime.diff(date, DateTime.utc_now(), :millisecond), 0)
    else
      _ -> :error
    end
  end

  defp tried(error, 1), do: error
  defp tried(error, tries), do: %{error | message: "#{error.message} (tried #{tries} times)"}
end
