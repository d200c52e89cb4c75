defmodule Pipeline.Loader.Source.Lexemes do
  @moduledoc "The smallest pieces of YAML, each taken off the front of a text."

  @doc "A quoted scalar, after its first quote: what it is, what follows it, and how many line breaks are in it."
  @spec quoted(binary(), char()) :: {String.t(), binary(), non_neg_integer()}
  def quoted(text, quote), do: quoted(text, quote, [], 0)

  defp quoted("", _, read, lines), do: {text(read), "", lines}
  defp quoted("''" <> rest, ?', read, lines), do: quoted(rest, ?', ["'" | read], lines)
  defp quoted(<<quote, rest::binary>>, quote, read, lines), do: {text(read), rest, lines}
  defp quoted("\\\n" <> rest, ?", read, lines), do: quoted(rest, ?", read, lines + 1)
  defp quoted(<<?\\, escaped, rest::binary>>, ?", read, lines), do: quoted(rest, ?", [escaped | read], lines)
  defp quoted("\n" <> rest, quote, read, lines), do: quoted(rest, quote, read, lines + 1)
  defp quoted(<<byte, rest::binary>>, quote, read, lines), do: quoted(rest, quote, [byte | read], lines)

  defp text(read), do: read |> Enum.reverse() |> IO.iodata_to_binary()

  @doc "What stands of a plain scalar in its line, and what follows it. In flow context brackets end it."
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

  @doc "What stands before the next blank or bracket."
  @spec word(binary()) :: String.t()
  def word(text), do: text |> word(0) |> elem(0)

  defp word(text, size) do
    case text do
      <<_::binary-size(size), byte, _::binary>> when byte not in ~c" \t\n,[]{}" -> word(text, size + 1)
      _ -> split(text, size)
    end
  end

  @doc "Whether a sign such as `-` stands here by itself."
  @spec indicator?(binary(), char()) :: boolean()
  def indicator?(<<sign, next, _::binary>>, sign), do: next in ~c" \t\n"
  def indicator?(text, sign), do: text == <<sign>>

  @doc "Whether a document begins or ends here."
  @spec marker?(binary(), non_neg_integer()) :: boolean()
  def marker?(text, 0), do: text =~ ~r/\A(?:---|\.\.\.)(?:\s|\z)/
  def marker?(_, _), do: false

  @doc "How many spaces there are, and what follows them."
  @spec spaces(binary()) :: {non_neg_integer(), binary()}
  def spaces(text), do: spaces(text, 0)

  defp spaces(" " <> rest, count), do: spaces(rest, count + 1)
  defp spaces(rest, count), do: {count, rest}

  @doc "How many spaces and tabs there are, and what follows them."
  @spec blanks(binary()) :: {non_neg_integer(), binary()}
  def blanks(text), do: blanks(text, 0)

  defp blanks(<<blank, rest::binary>>, count) when blank in ~c" \t", do: blanks(rest, count + 1)
  defp blanks(rest, count), do: {count, rest}

  @doc "What follows the next line break."
  @spec skip_line(binary()) :: binary()
  def skip_line(text) do
    case :binary.split(text, "\n") do
      [_, rest] -> rest
      [_] -> ""
    end
  end

  @doc "The next line break and what follows it."
  @spec skip_to_end(binary()) :: binary()
  def skip_to_end(text) do
    case :binary.match(text, "\n") do
      {at, 1} -> binary_part(text, at, byte_size(text) - at)
      :nomatch -> ""
    end
  end

  @doc "The next line that is not blank: its indentation, how many line breaks are before it, and its text."
  @spec next_text(binary(), pos_integer()) :: {non_neg_integer(), pos_integer(), binary()}
  def next_text(text, lines) do
    case spaces(text) do
      {_, "\n" <> rest} -> next_text(rest, lines + 1)
      {column, rest} -> {column, lines, rest |> blanks() |> elem(1)}
    end
  end
end
