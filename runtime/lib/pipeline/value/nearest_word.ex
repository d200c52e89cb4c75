defmodule Pipeline.Value.NearestWord do
  @moduledoc """
  Finds the known word that a user probably meant.

      iex> Pipeline.Value.NearestWord.find("colour", ["color", "name"])
      "color"
      iex> Pipeline.Value.NearestWord.find("size", ["color", "name"])
      nil
  """

  # Words with a higher Jaro similarity are near. The similarity of equal words is 1.
  @min_similarity 0.8

  @doc "Return the known word that is nearest to `word`, or nil if no word is near."
  @spec find(String.t(), [String.t()]) :: String.t() | nil
  # Among so many words the nearest one means little, and comparing all names of a large file would take minutes.
  def find(_, known) when length(known) > 200, do: nil

  def find(word, known) do
    nearest = Enum.max_by(known, &String.jaro_distance(word, &1), fn -> nil end)
    if nearest && String.jaro_distance(word, nearest) > @min_similarity, do: nearest
  end
end
