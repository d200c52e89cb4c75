defmodule Pipeline.Loader.Note do
  @moduledoc """
  An error or a warning about a pipeline file: severity, place and message. Also builds the phrases that messages share.

      iex> "colour" |> Pipeline.Loader.Note.nearest(["color", "name"])
      ~s(; did you mean "color"?)
      iex> Pipeline.Loader.Note.got([1, 2])
      ", got [1, 2]"
  """

  alias Pipeline.Loader.Source

  @type t :: {:error | :warning, Source.place(), String.t()}

  @doc "Return an error: the pipeline cannot be executed."
  @spec error(Source.place(), String.t()) :: t()
  def error(place, message), do: {:error, place, message}

  @doc "Return a warning: the pipeline can be executed."
  @spec warning(Source.place(), String.t()) :: t()
  def warning(place, message), do: {:warning, place, message}

  @doc "Return `; did you mean \"steps\"?` with the nearest known word, or an empty text if no word is near."
  @spec nearest(String.t(), [String.t()]) :: String.t()
  # Among so many words the nearest one means little, and comparing all names of a large file would take minutes.
  def nearest(_, words) when length(words) > 200, do: ""

  def nearest(word, words) do
    best = Enum.max_by(words, &String.jaro_distance(word, &1), fn -> nil end)
    if best && String.jaro_distance(word, best) > 0.8, do: "; did you mean #{inspect(best)}?", else: ""
  end

  @doc "Return `, got VALUE`, short enough for a message."
  @spec got(term()) :: String.t()
  def got(value), do: ", got #{inspect(value, limit: 5, printable_limit: 60)}"
end
