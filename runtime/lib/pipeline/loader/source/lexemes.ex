defmodule Pipeline.Loader.Source.Lexemes do
  @moduledoc """
  Splits the smallest pieces of YAML off the front of a text.

      iex> Pipeline.Loader.Source.Lexemes.plain("name: outline\\n", false)
      {"name", ": outline\\n"}
      iex> Pipeline.Loader.Source.Lexemes.quoted("it''s' # why", ?')
      {"it's", " # why", 0}
  """

  @doc "Split off a quoted scalar. `text` begins after the first quote. Return its value, the rest and its line breaks."
  @spec quoted(binary(), char()) :: {String.t(), binary(), non_neg_integer()}
  def quoted(text, quote), do: quoted(text, quote, [], 0)

  # `value` has the bytes so far, in reverse order.
  defp quoted("", _, value, lines), do: {text(value), "", lines}
  defp quoted("''" <> rest, ?', value, lines), do: quoted(rest, ?', ["'" | value], lines)
  defp quoted(<<quote, rest::binary>>, quote, value, lines), do: {text(value), rest, lines}
  defp quoted("\\\n" <> rest, ?", value, lines), do: quoted(rest, ?", value, lines + 1)

  defp quoted(<<?\\, escaped, rest::binary>>, ?", value, lines),
    do: quoted(rest, ?", [escaped | value], lines)

  defp quoted("\n" <> rest, quote, value, lines), do: quoted(rest, quote, value, lines + 1)
  defp quoted(<<byte, rest::binary>>, quote, value, lines), do: quoted(rest, quote, [byte | value], lines)

  defp text(value), do: value |> Enum.reverse() |> IO.iodata_to_binary()

  @doc "Split off the part of a plain scalar in its first line. In flow context, brackets and commas end the scalar."
  @spec plain(binary(), boolean()) :: {String.t(), binary()}
  def plain(text, flow?), do: plain(text, 0, flow?)

  defp plain(text, size, flow?) do
    case text do
      <<_::binary-size(size), rest::binary>> when rest == "" -> split(text, size)
      <<_::binary-size(size), ?\n, _::binary>> -> split(text, size)
      <<_::binary-size(size), ?:>> -> split(text, size)
      <<_::binary-size(size), ?:, next, _::binary>> when next in ~c" \t\n" -> split(text, size)
      <<_::binary-size(size), ?:, next, _::binary>> when flow? and next in ~c",?[]{}" -> split(text, size)
      <<_::binary-size(size), byte, _::binary>> when flow? and byte in ~c",[]{}" -> split(text, size)
      <<_::binary-size(size), blank, ?#, _::binary>> when blank in ~c" \t" -> split(text, size)
      _ -> plain(text, size + 1, flow?)
    end
  end

  defp split(text, size) do
    <<value::binary-size(size), rest::binary>> = text
    {String.trim_trailing(value), rest}
  end

  @doc "Return the text before the next blank, line break, comma or bracket."
  @spec word(binary()) :: String.t()
  def word(text), do: text |> word(0) |> elem(0)

  defp word(text, size) do
    case text do
      <<_::binary-size(size), byte, _::binary>> when byte not in ~c" \t\n,[]{}" -> word(text, size + 1)
      _ -> split(text, size)
    end
  end

  @doc "Return true if the text begins with this sign, such as `-`, and a blank or line break after it."
  @spec indicator?(binary(), char()) :: boolean()
  def indicator?(<<sign, next, _::binary>>, sign), do: next in ~c" \t\n"
  def indicator?(text, sign), do: text == <<sign>>

  @doc "Return true if the text at this column is a marker of a document's beginning (`---`) or end (`...`)."
  @spec marker?(binary(), non_neg_integer()) :: boolean()
  def marker?(text, 0), do: text =~ ~r/\A(?:---|\.\.\.)(?:\s|\z)/
  def marker?(_, _), do: false

  @doc "Split off the leading spaces. Return their number and the rest."
  @spec spaces(binary()) :: {non_neg_integer(), binary()}
  def spaces(text), do: spaces(text, 0)

  defp spaces(" " <> rest, count), do: spaces(rest, count + 1)
  defp spaces(rest, count), do: {count, rest}

  @doc "Split off the leading spaces and tabs. Return their number and the rest."
  @spec blanks(binary()) :: {non_neg_integer(), binary()}
  def blanks(text), do: blanks(text, 0)

  defp blanks(<<blank, rest::binary>>, count) when blank in ~c" \t", do: blanks(rest, count + 1)
  defp blanks(rest, count), do: {count, rest}

  @doc "Return the text after the next line break."
  @spec skip_line(binary()) :: binary()
  def skip_line(text) do
    case :binary.split(text, "\n") do
      [_, rest] -> rest
      [_] -> ""
    end
  end

  @doc "Return the text from the next line break on."
  @spec skip_to_end(binary()) :: binary()
  def skip_to_end(text) do
    case :binary.match(text, "\n") do
      {offset, 1} -> binary_part(text, offset, byte_size(text) - offset)
      :nomatch -> ""
    end
  end

  @doc "Return the next line that is not blank: its indentation, the line breaks before it plus `lines`, and the text from it on."
  @spec next_text(binary(), pos_integer()) :: {non_neg_integer(), pos_integer(), binary()}
  def next_text(text, lines) do
    case spaces(text) do
      {_, "\n" <> rest} -> next_text(rest, lines + 1)
      {column, rest} -> {column, lines, rest |> blanks() |> elem(1)}
    end
  end
end
