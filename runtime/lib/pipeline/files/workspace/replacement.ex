defmodule Pipeline.Files.Workspace.Replacement do
  @moduledoc """
  Replaces one text in a file's text by another. The old text has to occur exactly once, so that no other place is changed.

      iex> Pipeline.Files.Workspace.Replacement.replace("one two", "two", "three")
      {:ok, "one three"}
      iex> Pipeline.Files.Workspace.Replacement.replace("one two", "four", "three")
      {:error, "the file does not contain the old text; nothing was changed"}
  """

  # Matches are counted up to this number.
  @max_matches 100

  @doc "Check the old and the new text, before the file is read."
  @spec check(term(), term()) :: :ok | {:error, String.t()}
  def check(old, new) when not (is_binary(old) and is_binary(new)),
    do: {:error, "the old and the new text have to be texts"}

  def check("", _),
    do: {:error, "the old text is empty: expected a text that the file contains exactly once"}

  def check(same, same), do: {:error, "the old and the new text are the same"}
  def check(_, _), do: :ok

  @doc "Return the text with `old` replaced by `new`, or the reason why it is not replaced."
  @spec replace(String.t(), String.t(), String.t()) :: {:ok, String.t()} | {:error, String.t()}
  def replace(text, old, new) do
    case offsets(text, old, 0, []) do
      [offset] ->
        <<before::binary-size(offset), _::binary-size(byte_size(old)), rest::binary>> = text
        {:ok, before <> new <> rest}

      [] ->
        {:error, "the file does not contain the old text; nothing was changed"}

      offsets ->
        {:error, "the file contains the old text #{count(offsets)} times, not once; nothing was changed"}
    end
  end

  defp count(offsets) when length(offsets) < @max_matches, do: length(offsets)
  defp count(_), do: "#{@max_matches} or more"

  # Matches may overlap: "aaa" contains "aa" twice.
  defp offsets(_, _, _, offsets) when length(offsets) == @max_matches, do: offsets

  defp offsets(text, old, start, offsets) do
    case :binary.match(text, old, scope: {start, byte_size(text) - start}) do
      {offset, _} -> offsets(text, old, offset + 1, [offset | offsets])
      :nomatch -> offsets
    end
  end
end
