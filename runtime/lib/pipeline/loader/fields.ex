defmodule Pipeline.Loader.Fields do
  @moduledoc """
  Reads the keys of a mapping by a specification and notes all values that do not fit.

      iex> {values, notes} =
      ...>   Pipeline.Loader.Fields.read(%{"limit" => "two"}, ["steps"], name: {:required, :text}, limit: :count)
      iex> values
      %{name: nil, limit: nil}
      iex> notes
      [
        {:error, ["steps"], "the key name is missing"},
        {:error, ["limit", "steps"], ~s(expected a whole number from 1, got "two")}
      ]

  The names of the values are the atoms of the specification. No atom is created from the contents of a file.
  """

  alias Pipeline.Loader.{Keys, Note, Source}

  @day_ms :timer.hours(24)

  @typedoc """
  What a value may be. `:count` is a whole number from 1, `:whole` a whole number from 0, and `:milliseconds` at most a day.
  """
  @type kind ::
          :text
          | :boolean
          | :count
          | :milliseconds
          | :whole
          | :number
          | :texts
          | :mapping
          | :list
          | :any
          | {:one_of, [String.t()]}
  @typedoc "The keys that a mapping may have, and those that it has to have."
  @type specification :: [{atom(), kind() | {:required, kind()}}]

  @doc """
  Return the values by name, and the notes.

  A value is nil if its key is missing or does not fit. The notes include those on keys that are not in the specification
  (`Pipeline.Loader.Keys`).
  """
  @spec read(term(), Source.place(), specification()) :: {%{atom() => term()}, [Note.t()]}
  def read(map, place, specification) when is_map(map) do
    {values, notes} =
      Enum.map_reduce(specification, [], fn {name, kind}, notes ->
        {value, value_notes} = value(map, Atom.to_string(name), kind, place)
        {{name, value}, notes ++ value_notes}
      end)

    known = Enum.map(specification, fn {name, _} -> Atom.to_string(name) end)
    {Map.new(values), Keys.notes(map, known, place) ++ notes}
  end

  def read(other, place, specification) do
    {Map.new(specification, fn {name, _} -> {name, nil} end),
     [Note.error(place, "expected a mapping#{Note.got(other)}")]}
  end

  defp value(map, key, {:required, kind}, place) do
    case map[key] do
      nil ->
        {nil, [Note.error(place, "the key #{key} is missing")]}

      "" when kind != :any ->
        {nil, [Note.error([key | place], "expected #{expected(kind)}, got an empty text")]}

      _ ->
        value(map, key, kind, place)
    end
  end

  # A key without a value counts as a missing key.
  defp value(map, key, kind, place) do
    value = map[key]

    cond do
      is_nil(value) -> {nil, []}
      fits?(kind, value) -> {value, []}
      true -> {nil, [Note.error([key | place], mistake(kind, value))]}
    end
  end

  defp fits?(:text, value), do: is_binary(value)
  defp fits?(:boolean, value), do: is_boolean(value)
  defp fits?(:count, value), do: is_integer(value) and value > 0
  defp fits?(:milliseconds, value), do: is_integer(value) and value in 1..@day_ms
  defp fits?(:whole, value), do: is_integer(value) and value >= 0
  defp fits?(:number, value), do: is_number(value) and value >= 0
  defp fits?(:texts, value), do: is_list(value) and Enum.all?(value, &is_binary/1)
  defp fits?(:mapping, value), do: is_map(value)
  defp fits?(:list, value), do: is_list(value) and value != []
  defp fits?(:any, _), do: true
  defp fits?({:one_of, words}, value), do: value in words

  defp expected(:text), do: "a text"
  defp expected(:boolean), do: "true or false"
  defp expected(:count), do: "a whole number from 1"
  defp expected(:milliseconds), do: "a whole number from 1 to #{@day_ms}"
  defp expected(:whole), do: "a whole number from 0"
  defp expected(:number), do: "a number from 0"
  defp expected(:texts), do: "a list of texts"
  defp expected(:mapping), do: "a mapping"
  defp expected(:list), do: "a list that is not empty"
  defp expected(:any), do: "a value"
  defp expected({:one_of, words}), do: "one of #{Enum.join(words, ", ")}"

  defp mistake({:one_of, words} = kind, value) when is_binary(value),
    do:
      "#{inspect(value, printable_limit: 60)} is not known, expected #{expected(kind)}#{Note.nearest(value, words)}"

  defp mistake(kind, value), do: "expected #{expected(kind)}#{Note.got(value)}"
end
