defmodule Pipeline.Loader.Source.Bounds do
  @moduledoc """
  At some thousands of levels the parser takes the whole VM down, and long before it is slow. `Pipeline.Loader.Source.Scanner`
  counts levels as the parser does; these bounds hold whatever it may have taken for something else. They leave less than
  half of what the parser can bear, and no file that people write comes near them.
  """

  @most_brackets 1_500
  @widest_indentation 500
  # In one line, of those that are closed in it.
  @nested 4

  @doc "What of a text is out of bounds, if anything is."
  @spec problem(String.t()) :: String.t() | nil
  def problem(text) do
    cond do
      # A level of lists and mappings needs a column of its own, or shares it with one other.
      text =~ ~r/(?:\A\x{FEFF}?|[\n\r\x{85}\x{2028}\x{2029}])[ \t?:-]{#{@widest_indentation}}/u ->
        "is indented by more than #{@widest_indentation} columns"

      brackets(text) > @most_brackets ->
        "has more than #{@most_brackets} brackets that are not closed in their line: give long texts as inputs"

      true ->
        nil
    end
  end

  # Those that are closed in their line, with nothing between that could hide the end, hold nothing open.
  defp brackets(text) do
    1..@nested
    |> Enum.reduce(text, fn _, text -> String.replace(text, ~r/[\[{][^\[\]{}\n\r"'#!]*[\]}]/, "") end)
    |> :binary.matches(["[", "{"])
    |> length()
  end
end
