defmodule Pipeline.Loader.Source.Block do
  @moduledoc "Scans block context: what hangs on lines and their indentation."

  import Pipeline.Loader.Source, only: [found: 2, mark: 3, merge_key: 2, next: 1, problem: 2]
  import Pipeline.Loader.Source.Lexemes

  alias Pipeline.Loader.Source
  alias Pipeline.Loader.Source.Flow

  @doc "Go on where a new line begins."
  @spec line(binary(), Source.t()) :: Source.t()
  def line(text, s) do
    {column, rest} = spaces(text)

    case rest do
      "" ->
        s

      "\n" <> rest ->
        line(rest, next(s))

      "#" <> rest ->
        rest_of_line(rest, s)

      "%" <> rest when column == 0 and s.stack == [] ->
        rest_of_line(rest, s)

      "\t" <> _ ->
        node(rest, column, s)

      _ ->
        if marker?(rest, column),
          do: document(rest, s),
          else: node(rest, column, unwound(s, column, indicator?(rest, ?-)))
    end
  end

  defp document("---" <> rest, s), do: node(rest, 3, %{s | stack: [], node: []})
  defp document("..." <> rest, s), do: rest_of_line(rest, %{s | stack: [], node: []})

  defp unwound(%{stack: [{_, indent, _, _} | around]} = s, column, item?) when indent > column,
    do: unwound(%{s | stack: around}, column, item?)

  # A list may stand in the column of the key that it belongs to; the next key ends it.
  defp unwound(%{stack: [{:list, column, _, _} | around]} = s, column, false), do: %{s | stack: around}
  defp unwound(s, _, _), do: s

  # A node may begin here, in block context.
  defp node(text, column, s) do
    {more, text} = blanks(text)
    column = column + more

    case text do
      "" ->
        s

      "\n" <> rest ->
        line(rest, next(s))

      "#" <> rest ->
        rest_of_line(rest, s)

      <<style, rest::binary>> when style in ~c"|>" ->
        block_scalar(rest, s)

      <<open, _::binary>> when open in ~c"[{" ->
        text |> Flow.collection([], s) |> after_node(column, nil)

      <<quote, rest::binary>> when quote in ~c"\"'" ->
        quoted_node(rest, quote, column, s)

      <<mark, rest::binary>> when mark in ~c"&*!" ->
        node(rest, column, mark(mark, rest, s))

      _ ->
        cond do
          indicator?(text, ?-) -> item(text, column, s)
          indicator?(text, ??) -> complex_key(text, column, s)
          true -> plain_node(text, column, s)
        end
    end
  end

  defp item(<<_, rest::binary>>, column, s) do
    {list, around} =
      case s.stack do
        [{:list, ^column, place, index} | around] -> {{:list, column, place, index + 1}, around}
        stack -> {{:list, column, s.node, 0}, stack}
      end

    {:list, _, place, index} = list
    node(rest, column + 1, found(%{s | stack: [list | around]}, [index | place]))
  end

  defp quoted_node(text, quote, column, s) do
    {value, rest, lines} = quoted(text, quote)
    after_node({rest, %{s | line: s.line + lines}}, column, if(lines == 0, do: value))
  end

  defp plain_node(text, column, s) do
    {value, rest} = plain(text, false)

    case rest do
      ":" <> _ -> after_node({rest, s}, column, value)
      _ -> continued(rest, s)
    end
  end

  # After a node: a colon makes it a key, where it is one line.
  defp after_node({text, s}, column, value) do
    case blanks(text) do
      {_, ":" <> rest} when is_binary(value) ->
        key(value, rest, column, s)

      # Where the parser opens a mapping here is not followed.
      {_, ":" <> rest} ->
        node(
          rest,
          column,
          problem(s, "a key in brackets or over several lines is not supported: keys are texts")
        )

      {_, rest} ->
        node(rest, column, s)
    end
  end

  defp key(name, rest, column, s) do
    {place, stack} =
      case s.stack do
        [{:map, ^column, place, _} | _] = stack -> {place, stack}
        stack -> {s.node, [{:map, column, s.node, nil} | stack]}
      end

    node(rest, column + 1, %{s | stack: stack} |> merge_key(name) |> found([name | place]))
  end

  # A plain scalar goes on in lines that are indented deeper than what it is in.
  defp continued(text, s) do
    {_, rest} = blanks(text)

    with "\n" <> rest <- rest,
         {column, lines, rest} <- next_text(rest, 1),
         true <- column > indent(s) and not String.starts_with?(rest, "#") and not marker?(rest, column) do
      {_, rest} = plain(rest, false)
      continued(rest, %{s | line: s.line + lines})
    else
      _ -> node(text, 0, s)
    end
  end

  # The lines of a block scalar are blank, or indented as its header or its first lines say.
  defp block_scalar(header, s) do
    around = indent(s)

    least =
      case Regex.run(~r/\A[+-]?([1-9])/, header) do
        [_, digit] -> max(around, 0) + String.to_integer(digit)
        nil -> {:at_least, max(around + 1, 1)}
      end

    header |> skip_line() |> block_lines(least, next(s))
  end

  defp block_lines("", _, s), do: s

  defp block_lines(text, least, s) do
    {column, rest} = spaces(text)

    case {rest, least} do
      {"\n" <> rest, {:at_least, least}} -> block_lines(rest, {:at_least, max(least, column)}, next(s))
      {"\n" <> rest, least} -> block_lines(rest, least, next(s))
      {_, {:at_least, least}} -> block_lines(text, max(least, column), s)
      {rest, least} when column >= least -> rest |> skip_line() |> block_lines(least, next(s))
      _ -> line(text, s)
    end
  end

  defp complex_key(<<_, rest::binary>>, column, s),
    do: node(rest, column + 1, problem(s, "a key that begins with ? is not supported: keys are texts"))

  defp rest_of_line(text, s), do: text |> skip_line() |> line(next(s))

  defp indent(%{stack: []}), do: -1
  defp indent(%{stack: [{_, indent, _, _} | _]}), do: indent
end
