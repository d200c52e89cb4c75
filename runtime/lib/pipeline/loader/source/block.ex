defmodule Pipeline.Loader.Source.Block do
  @moduledoc """
  Scans block context of YAML, in which line breaks and indentation give the structure:

      steps:
        - name: outline
          prompt: …
  """

  import Pipeline.Loader.Source,
    only: [begin_node: 2, refuse_mark: 3, refuse_merge_key: 2, next_line: 1, problem: 2]

  import Pipeline.Loader.Source.Lexemes

  alias Pipeline.Loader.Source
  alias Pipeline.Loader.Source.Flow

  @doc "Scan the text to its end. It has to begin at the start of a line."
  @spec line(binary(), Source.t()) :: Source.t()
  def line(text, source) do
    {column, rest} = spaces(text)

    case rest do
      "" ->
        source

      "\n" <> rest ->
        line(rest, next_line(source))

      "#" <> rest ->
        rest_of_line(rest, source)

      "%" <> rest when column == 0 and source.stack == [] ->
        rest_of_line(rest, source)

      "\t" <> _ ->
        node(rest, column, source)

      _ ->
        if marker?(rest, column),
          do: document(rest, source),
          else: node(rest, column, close_deeper(source, column, indicator?(rest, ?-)))
    end
  end

  defp document("---" <> rest, source), do: node(rest, 3, %{source | stack: [], node: []})
  defp document("..." <> rest, source), do: rest_of_line(rest, %{source | stack: [], node: []})

  # Close the collections that are indented deeper than this column. `item?` is true if a list item begins here.
  defp close_deeper(%{stack: [{_, indent, _, _} | outer]} = source, column, item?) when indent > column,
    do: close_deeper(%{source | stack: outer}, column, item?)

  # A list may stand in the same column as its key. The next key closes the list.
  defp close_deeper(%{stack: [{:list, column, _, _} | outer]} = source, column, false),
    do: %{source | stack: outer}

  defp close_deeper(source, _, _), do: source

  # Scan the rest of a line from this column on, where a node may begin.
  defp node(text, column, source) do
    {count, text} = blanks(text)
    column = column + count

    case text do
      "" ->
        source

      "\n" <> rest ->
        line(rest, next_line(source))

      "#" <> rest ->
        rest_of_line(rest, source)

      <<style, rest::binary>> when style in ~c"|>" ->
        block_scalar(rest, source)

      <<open, _::binary>> when open in ~c"[{" ->
        text |> Flow.collection([], source) |> after_node(column, nil)

      <<quote, rest::binary>> when quote in ~c"\"'" ->
        quoted_node(rest, quote, column, source)

      <<mark, rest::binary>> when mark in ~c"&*!" ->
        node(rest, column, refuse_mark(mark, rest, source))

      _ ->
        cond do
          indicator?(text, ?-) -> item(text, column, source)
          indicator?(text, ??) -> complex_key(text, column, source)
          true -> plain_node(text, column, source)
        end
    end
  end

  defp item(<<_, rest::binary>>, column, source) do
    {list, outer} =
      case source.stack do
        [{:list, ^column, place, index} | outer] -> {{:list, column, place, index + 1}, outer}
        stack -> {{:list, column, source.node, 0}, stack}
      end

    {:list, _, place, index} = list
    node(rest, column + 1, begin_node(%{source | stack: [list | outer]}, [index | place]))
  end

  defp quoted_node(text, quote, column, source) do
    {value, rest, lines} = quoted(text, quote)
    after_node({rest, %{source | line: source.line + lines}}, column, if(lines == 0, do: value))
  end

  defp plain_node(text, column, source) do
    {value, rest} = plain(text, false)

    case rest do
      ":" <> _ -> after_node({rest, source}, column, value)
      _ -> continued(rest, source)
    end
  end

  # A colon after a node makes the node a key, if the node is a text in one line.
  defp after_node({text, source}, column, value) do
    case blanks(text) do
      {_, ":" <> rest} when is_binary(value) ->
        key(value, rest, column, source)

      # The parser would open a mapping here. The scanner does not follow it.
      {_, ":" <> rest} ->
        node(
          rest,
          column,
          problem(source, "a key in brackets or over several lines is not supported: keys are texts")
        )

      {_, rest} ->
        node(rest, column, source)
    end
  end

  defp key(name, rest, column, source) do
    {place, stack} =
      case source.stack do
        [{:map, ^column, place, _} | _] = stack -> {place, stack}
        stack -> {source.node, [{:map, column, source.node, nil} | stack]}
      end

    node(rest, column + 1, %{source | stack: stack} |> refuse_merge_key(name) |> begin_node([name | place]))
  end

  # A plain scalar continues in lines that are indented deeper than the collection around it.
  defp continued(text, source) do
    {_, rest} = blanks(text)

    with "\n" <> rest <- rest,
         {column, lines, rest} <- next_text(rest, 1),
         true <- column > indent(source) and not String.starts_with?(rest, "#") and not marker?(rest, column) do
      {_, rest} = plain(rest, false)
      continued(rest, %{source | line: source.line + lines})
    else
      _ -> node(text, 0, source)
    end
  end

  # The lines of a block scalar are blank or indented. The indentation stands in its header. Without a number in the header, the
  # first line that is not blank decides.
  defp block_scalar(header, source) do
    outer_indent = indent(source)

    indent =
      case Regex.run(~r/\A[+-]?([1-9])/, header) do
        [_, digit] -> max(outer_indent, 0) + String.to_integer(digit)
        nil -> {:at_least, max(outer_indent + 1, 1)}
      end

    header |> skip_line() |> block_lines(indent, next_line(source))
  end

  defp block_lines("", _, source), do: source

  defp block_lines(text, indent, source) do
    {column, rest} = spaces(text)

    case {rest, indent} do
      {"\n" <> rest, {:at_least, least}} ->
        block_lines(rest, {:at_least, max(least, column)}, next_line(source))

      {"\n" <> rest, indent} ->
        block_lines(rest, indent, next_line(source))

      {_, {:at_least, least}} ->
        block_lines(text, max(least, column), source)

      {rest, indent} when column >= indent ->
        rest |> skip_line() |> block_lines(indent, next_line(source))

      _ ->
        line(text, source)
    end
  end

  defp complex_key(<<_, rest::binary>>, column, source),
    do: node(rest, column + 1, problem(source, "a key that begins with ? is not supported: keys are texts"))

  defp rest_of_line(text, source), do: text |> skip_line() |> line(next_line(source))

  defp indent(%{stack: []}), do: -1
  defp indent(%{stack: [{_, indent, _, _} | _]}), do: indent
end
