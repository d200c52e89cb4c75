defmodule Pipeline.Loader.Note do
  @moduledoc "An error or a warning of a pipeline file, with its place, and the words that such messages share."

  alias Pipeline.Loader.Source

  @type t :: {:error | :warning, Source.place(), String.t()}

  @spec error(Source.place(), String.t()) :: t()
  def error(place, message), do: {:error, place, message}

  @spec warning(Source.place(), String.t()) :: t()
  def warning(place, message), do: {:warning, place, message}

  @doc "`; did you mean \"steps\"?`, or nothing."
  @spec nearest(String.t(), [String.t()]) :: String.t()
  # Of so many no one is meant, and to compare each with each would take minutes.
  def nearest(_, words) when length(words) > 200, do: ""

  def nearest(word, words) do
    best = Enum.max_by(words, &String.jaro_distance(word, &1), fn -> nil end)
    if best && String.jaro_distance(word, best) > 0.8, do: "; did you mean #{inspect(best)}?", else: ""
  end

  @doc "What was found instead, short enough for a message."
  @spec got(term()) :: String.t()
  def got(value), do: ", got #{inspect(value, limit: 5, printable_limit: 60)}"
end
