defmodule Pipeline.Loader.Note do
  @moduledoc """
  Builds errors and warnings about a pipeline file. A note has a severity, a place and a message. Several messages share the
  phrases of `nearest/2` and `got/1`.

      iex> "colour" |> Pipeline.Loader.Note.nearest(["color", "name"])
      ~s(; did you mean "color"?)
      iex> Pipeline.Loader.Note.got([1, 2])
      ", got [1, 2]"
  """

  alias Pipeline.Loader.Source
  alias Pipeline.Value.NearestWord

  @type t :: {:error | :warning, Source.place(), String.t()}

  @doc "Return an error. A pipeline with an error cannot be executed."
  @spec error(Source.place(), String.t()) :: t()
  def error(place, message), do: {:error, place, message}

  @doc "Return a warning. A pipeline with warnings can be executed."
  @spec warning(Source.place(), String.t()) :: t()
  def warning(place, message), do: {:warning, place, message}

  @doc "Return `; did you mean \"steps\"?` with the nearest known word, or an empty text if no word is near."
  @spec nearest(String.t(), [String.t()]) :: String.t()
  def nearest(word, known),
    do: if(nearest = NearestWord.find(word, known), do: "; did you mean #{inspect(nearest)}?", else: "")

  @doc "Return `, got VALUE`, short enough for a message."
  @spec got(term()) :: String.t()
  def got(value), do: ", got #{inspect(value, limit: 5, printable_limit: 60)}"
end
