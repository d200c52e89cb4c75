defmodule Pipeline.Loader.Source.Flow do
  @moduledoc "Scans flow context: what stands in brackets, over any number of lines."

  import Pipeline.Loader.Source, only: [found: 2, mark: 3, merge_key: 2, next: 1, not_too_deep: 2]
  import Pipeline.Loader.Source.Lexemes

  alias Pipeline.Loader.Source

  @doc "`open` has the brackets around, from the innermost, each with its place and index."
  @spec collection(binary(), [{char(), Source.place(), non_neg_integer()}], Source.t()) ::
          {binary(), Source.t()}
  def collection("", _, s), do: {"", s}
  def collection("\n" <> rest, open, s), do: collection(rest, open, next(s))

  def collection("#" <> rest, open, s), do: collection(skip_to_end(rest), open, s)

  def collection(<<blank, rest::binary>>, open, s) when blank in ~c" \t", do: collection(rest, open, s)

  def collection(<<bracket, rest::binary>>, open, s) when bracket in ~c"[{" do
    s = s |> flow_item(open) |> not_too_deep(open)
    collection(rest, [{bracket, s.node, 0} | open], s)
  end

  def collection(<<bracket, rest::binary>>, [_ | open], s) when bracket in ~c"]}",
    do: if(open == [], do: {rest, s}, else: collection(rest, open, s))

  def collection("," <> rest, [{bracket, place, index} | open], s),
    do: collection(rest, [{bracket, place, index + 1} | open], s)

  def collection(":" <> rest, open, s), do: collection(rest, open, s)

  def collection(<<mark, rest::binary>>, open, s) when mark in ~c"&*!",
    do: collection(rest, open, mark(mark, rest, s))

  def collection(<<quote, rest::binary>>, open, s) when quote in ~c"\"'" do
    {value, rest, lines} = quoted(rest, quote)
    flow_scalar(value, rest, open, %{s | line: s.line + lines})
  end

  def collection(text, open, s) do
    case plain(text, true) do
      # What nothing begins with is the parser's to refuse.
      {"", <<_, rest::binary>>} -> collection(rest, open, s)
      {value, rest} -> flow_continued(value, rest, open, s)
    end
  end

  # In here a plain scalar goes on over any number of lines.
  defp flow_continued(value, rest, open, s) do
    with "\n" <> after_break <- rest,
         {column, lines, text} <- next_text(after_break, 1),
         false <- String.starts_with?(text, "#") or marker?(text, column),
         {more, rest} when more != "" <- plain(text, true) do
      flow_continued(value <> " " <> more, rest, open, %{s | line: s.line + lines})
    else
      _ -> flow_scalar(value, rest, open, s)
    end
  end

  defp flow_scalar(value, rest, [{bracket, place, _} | _] = open, s) do
    case {bracket, blanks(rest)} do
      {?{, {_, ":" <> _}} -> collection(rest, open, s |> merge_key(value) |> found([value | place]))
      _ -> collection(rest, open, flow_item(s, open))
    end
  end

  defp flow_item(s, [{?[, place, index} | _]), do: found(s, [index | place])
  defp flow_item(s, _), do: s
end
