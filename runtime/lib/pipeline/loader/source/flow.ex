defmodule Pipeline.Loader.Source.Flow do
  @moduledoc """
  Scans flow context of YAML, in which brackets give the structure, over any number of lines:

      {name: outline, prompt: [{type: static, content: x}]}
  """

  import Pipeline.Loader.Source,
    only: [begin_node: 2, refuse_mark: 3, refuse_merge_key: 2, next_line: 1, check_depth: 2]

  import Pipeline.Loader.Source.Lexemes

  alias Pipeline.Loader.Source

  @doc """
  Scan a collection. Return the text after its last bracket.

  `open` has the open brackets from the innermost, each with its place and the index of the current item.
  """
  @spec collection(binary(), [{char(), Source.place(), non_neg_integer()}], Source.t()) ::
          {binary(), Source.t()}
  def collection("", _, source), do: {"", source}
  def collection("\n" <> rest, open, source), do: collection(rest, open, next_line(source))

  def collection("#" <> rest, open, source), do: collection(skip_to_end(rest), open, source)

  def collection(<<blank, rest::binary>>, open, source) when blank in ~c" \t",
    do: collection(rest, open, source)

  def collection(<<bracket, rest::binary>>, open, source) when bracket in ~c"[{" do
    source = source |> begin_item(open) |> check_depth(open)
    collection(rest, [{bracket, source.node, 0} | open], source)
  end

  def collection(<<bracket, rest::binary>>, [_ | open], source) when bracket in ~c"]}",
    do: if(open == [], do: {rest, source}, else: collection(rest, open, source))

  def collection("," <> rest, [{bracket, place, index} | open], source),
    do: collection(rest, [{bracket, place, index + 1} | open], source)

  def collection(":" <> rest, open, source), do: collection(rest, open, source)

  def collection(<<mark, rest::binary>>, open, source) when mark in ~c"&*!",
    do: collection(rest, open, refuse_mark(mark, rest, source))

  def collection(<<quote, rest::binary>>, open, source) when quote in ~c"\"'" do
    {value, rest, lines} = quoted(rest, quote)
    scalar(value, rest, open, %{source | line: source.line + lines})
  end

  def collection(text, open, source) do
    case plain(text, true) do
      # No node begins with this character. The parser will refuse it.
      {"", <<_, rest::binary>>} -> collection(rest, open, source)
      {value, rest} -> plain_scalar(value, rest, open, source)
    end
  end

  # In flow context a plain scalar may continue over any number of lines.
  defp plain_scalar(value, rest, open, source) do
    with "\n" <> after_break <- rest,
         {column, lines, text} <- next_text(after_break, 1),
         false <- String.starts_with?(text, "#") or marker?(text, column),
         {continuation, rest} when continuation != "" <- plain(text, true) do
      plain_scalar(value <> " " <> continuation, rest, open, %{source | line: source.line + lines})
    else
      _ -> scalar(value, rest, open, source)
    end
  end

  # A scalar in a mapping with a colon after it is a key. Any other scalar is a value or an item.
  defp scalar(value, rest, [{bracket, place, _} | _] = open, source) do
    case {bracket, blanks(rest)} do
      {?{, {_, ":" <> _}} ->
        collection(rest, open, source |> refuse_merge_key(value) |> begin_node([value | place]))

      _ ->
        collection(rest, open, begin_item(source, open))
    end
  end

  defp begin_item(source, [{?[, place, index} | _]), do: begin_node(source, [index | place])
  defp begin_item(source, _), do: source
end
