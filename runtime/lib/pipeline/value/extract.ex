defmodule Pipeline.Value.Extract do
  @moduledoc """
  Takes a value from a place inside a structured answer. A place such as `remarks[0].text` consists of keys of mappings and
  indices of lists. The first item of a list has the index 0.

      iex> {:ok, path} = Pipeline.Value.Extract.parse("remarks[0].text")
      iex> path
      ["remarks", 0, "text"]
      iex> Pipeline.Value.Extract.fetch(%{"remarks" => [%{"text" => "too long"}]}, path)
      {:ok, "too long"}
  """

  @type path :: [String.t() | non_neg_integer()]

  @doc "Return the keys and indices of a place, or `:error` if the text does not name one."
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

  @doc "Return the value at the path, or a message that says which key or index does not exist, and which ones do."
  @spec fetch(term(), path()) :: {:ok, term()} | {:error, String.t()}
  def fetch(value, path), do: fetch(value, path, [])

  defp fetch(value, [], _), do: {:ok, value}

  # `parents` has the segments of the path above `map` or `list`, from the innermost.
  defp fetch(map, [key | rest], parents) when is_map(map) and is_binary(key) do
    case map do
      %{^key => value} -> fetch(value, rest, [key | parents])
      _ -> {:error, "#{place(parents)} has no #{inspect(key)}, it has #{key_list(Map.keys(map))}"}
    end
  end

  defp fetch(list, [index | rest], parents) when is_list(list) and is_integer(index) do
    case Enum.fetch(list, index) do
      {:ok, value} -> fetch(value, rest, [index | parents])
      :error -> {:error, "#{place(parents)} has no [#{index}], it is a list of #{length(list)}"}
    end
  end

  defp fetch(value, [segment | _], parents),
    do: {:error, "#{place(parents)} is #{type(value)}, which has no #{inspect(segment)}"}

  defp place([]), do: "the answer"

  defp place(parents) do
    parents
    |> Enum.reverse()
    |> Enum.map_join(fn
      index when is_integer(index) -> "[#{index}]"
      key -> ".#{key}"
    end)
    |> String.trim_leading(".")
  end

  defp key_list([]), do: "no keys"

  defp key_list(keys),
    do: keys |> Enum.sort() |> Enum.take(20) |> Enum.map_join(", ", &String.slice(&1, 0, 60))

  defp type(value) when is_map(value), do: "a mapping"
  defp type(value) when is_list(value), do: "a list"
  defp type(value) when is_binary(value), do: "a text"
  defp type(nil), do: "null"
  defp type(value), do: inspect(value)
end
