defmodule Pipeline.Value.Extract do
  @moduledoc "A place inside a structured answer, as `a.b[0]`: keys of mappings, and indices of lists from 0."

  @type path :: [String.t() | non_neg_integer()]

  @spec parse(String.t()) :: {:ok, path()} | :error
  def parse(text) do
    if text =~ ~r/\A[^.\[\]\s]+(?:\[\d{1,9}\]|\.[^.\[\]\s]+)*\z/ or
         text =~ ~r/\A(?:\[\d{1,9}\])(?:\[\d{1,9}\]|\.[^.\[\]\s]+)*\z/ do
      {:ok, Enum.map(Regex.scan(~r/\[(\d+)\]|[^.\[\]]+/, text), &segment/1)}
    else
      :error
    end
  end

  defp segment([_, index]), do: String.to_integer(index)
  defp segment([key]), do: key

  @doc "The value at the path, or what is there instead of it."
  @spec fetch(term(), path()) :: {:ok, term()} | {:error, String.t()}
  def fetch(value, path), do: fetch(value, path, [])

  defp fetch(value, [], _), do: {:ok, value}

  defp fetch(map, [key | rest], passed) when is_map(map) and is_binary(key) do
    case map do
      %{^key => value} -> fetch(value, rest, [key | passed])
      _ -> {:error, "#{where(passed)} has no #{inspect(key)}, it has #{listed(Map.keys(map))}"}
    end
  end

  defp fetch(list, [index | rest], passed) when is_list(list) and is_integer(index) do
    case Enum.fetch(list, index) do
      {:ok, value} -> fetch(value, rest, [index | passed])
      :error -> {:error, "#{where(passed)} has no [#{index}], it is a list of #{length(list)}"}
    end
  end

  defp fetch(value, [segment | _], passed),
    do: {:error, "#{where(passed)} is #{what(value)}, which has no #{inspect(segment)}"}

  defp where([]), do: "the answer"

  defp where(passed) do
    passed
    |> Enum.reverse()
    |> Enum.map_join(fn
      index when is_integer(index) -> "[#{index}]"
      key -> ".#{key}"
    end)
    |> String.trim_leading(".")
  end

  defp listed([]), do: "nothing"
  defp listed(keys), do: keys |> Enum.sort() |> Enum.take(20) |> Enum.map_join(", ", &String.slice(&1, 0, 60))

  defp what(value) when is_map(value), do: "a mapping"
  defp what(value) when is_list(value), do: "a list"
  defp what(value) when is_binary(value), do: "a text"
  defp what(nil), do: "null"
  defp what(value), do: inspect(value)
end
