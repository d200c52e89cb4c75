defmodule Pipeline.Loader.Source.Bounds do
  @moduledoc """
  Limits brackets and indentation, to protect the VM from the YAML parser.

  A text with some thousands of levels ends the whole VM in the parser. With fewer levels, the parser is already slow.
  `Pipeline.Loader.Source.Scanner` counts levels as the parser does, but it may misread a text. These limits hold even then.
  They allow less than half of the levels that the parser can take, and far more than people write.
  """

  @max_brackets 1_500
  @max_indentation 500
  # Brackets that are closed in their own line do not count, if they are nested up to this depth.
  @max_nesting_in_line 4

  @doc "Return a message about the limit that the text exceeds, or nil."
  @spec problem(String.t()) :: String.t() | nil
  def problem(text) do
    cond do
      # At most two levels of lists and mappings share a column. The parser skips a byte order mark at the start of any line.
      text =~ ~r/(?:\A|[\n\r\x{85}\x{2028}\x{2029}])\x{FEFF}*[ \t?:-]{#{@max_indentation}}/u ->
        "is indented by more than #{@max_indentation} columns"

      open_brackets(text) > @max_brackets ->
        "has more than #{@max_brackets} brackets that are not closed in their line: give long texts as inputs"

      true ->
        nil
    end
  end

  # Remove brackets that are closed in their line, if nothing between them could hide the closing bracket. Count the others.
  defp open_brackets(text) do
    1..@max_nesting_in_line
    |> Enum.reduce(text, fn _, text -> String.replace(text, ~r/[\[{][^\[\]{}\n\r"'#!]*[\]}]/, "") end)
    |> :binary.matches(["[", "{"])
    |> length()
  end
end
