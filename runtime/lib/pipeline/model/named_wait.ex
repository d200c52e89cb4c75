defmodule Pipeline.Model.NamedWait do
  @moduledoc """
  Reads how long a provider asks the runtime to wait. Anthropic names the wait in the header `retry-after-ms` or
  `retry-after`, Gemini in `error.details[].retryDelay` of the body.
  """

  alias Pipeline.Error

  @months ~w(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec)

  @doc "Return the longest wait that a response names, in milliseconds, or `:soon` if it names none."
  @spec of(%{String.t() => String.t()}, [map()]) :: Error.retry()
  def of(headers, details) do
    waits = [
      milliseconds(headers["retry-after-ms"]),
      retry_after(headers["retry-after"]) | Enum.map(details, &duration(&1["retryDelay"]))
    ]

    case Enum.reject(waits, &is_nil/1) do
      [] -> :soon
      waits -> Enum.max(waits)
    end
  end

  defp milliseconds(text), do: number(text, 1)

  defp retry_after(nil), do: nil
  defp retry_after(text), do: number(text, 1000) || date(text)

  # Protocol buffers write a duration as seconds with the unit: "45.8s".
  defp duration(text) when is_binary(text) do
    case String.split_at(text, -1) do
      {seconds, "s"} -> number(seconds, 1000)
      _ -> nil
    end
  end

  defp duration(_), do: nil

  defp number(nil, _), do: nil

  defp number(text, factor) do
    case Float.parse(text) do
      {number, ""} when number >= 0 -> ceil(number * factor)
      _ -> nil
    end
  end

  defp date(text) do
    with [_, day, name, year, time] <-
           Regex.run(~r/\A\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d:\d\d:\d\d) GMT\z/, text),
         month when month != nil <- Enum.find_index(@months, &(&1 == name)),
         month = String.pad_leading("#{month + 1}", 2, "0"),
         {:ok, date, 0} <- DateTime.from_iso8601("#{year}-#{month}-#{day}T#{time}Z") do
      max(DateTime.diff(date, DateTime.utc_now(), :millisecond), 0)
    else
      _ -> nil
    end
  end
end
