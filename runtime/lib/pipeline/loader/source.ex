defmodule Pipeline.Loader.Source do
  @moduledoc """
  Scans the text of a YAML file for what its parser does not tell: the line of each place, and the uses of anchors,
  aliases, merge keys, tags and complex keys, which it would take for something else.

  It follows libyaml where a node begins and ends, and judges nothing else: what is no YAML is for the parser to say.
  It stops where the text is nested deeper than any pipeline is: the parser takes the whole VM down at some thousands.
  """

  alias Pipeline.Loader.Source

  @deepest 64

  defstruct line: 1, stack: [], node: [], lines: %{}, problems: []

  @type place :: [String.t() | non_neg_integer()]
  @type t :: %Source{
          line: pos_integer(),
          stack: [tuple()],
          node: place(),
          lines: %{place() => pos_integer()},
          problems: [{pos_integer(), String.t()}]
        }

  @doc "`lines` has places from the leaf to the root, as `[1, \"prompt\", 3, \"steps\", \"workflow\"]`."
  @spec scan(String.t()) :: t()
  def scan(text) do
    # All that libyaml takes for the end of a line.
    text = String.replace(text, ["\r\n", "\r", "\u0085", "\u2028", "\u2029"], "\n")
    found = text |> String.trim_leading("\uFEFF") |> line(%Source{})
    %{found | problems: Enum.reverse(found.problems)}
  catch
    {:too_deep, line} -> %Source{problems: [{line, "is nested deeper than #{@deepest} levels"}]}
  end

  @doc "The line of a place, or of the nearest one around it that was found."
  @spec line_of(t(), place()) :: pos_integer() | nil
  def line_of(_, []), do: nil

  def line_of(source, [_ | around] = place),
    do: Map.get_lazy(source.lines, place, fn -> line_of(source, around) end)

  # A new line begins.
  defp line(text, s) do
    {column, rest} = spaces(text, 0)

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
          else: node(rest, column, unwound(s, column, item?(rest)))
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
    {more, text} = blanks(text, 0)
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
        text |> flow([], s) |> after_node(column, nil)

      <<quote, rest::binary>> when quote in ~c"\"'" ->
        quoted_node(rest, quote, column, s)

      <<mark, rest::binary>> when mark in ~c"&*!" ->
        node(rest, column, mark(mark, rest, s))

      "?" ->
        complex_key(s)

      <<??, next, rest::binary>> when next in ~c" \t\n" ->
        node(<<next, rest::binary>>, column, complex_key(s))

      _ ->
        if item?(text), do: item(text, column, s), else: plain_node(text, column, s)
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
    {value, rest, lines} = quoted(text, quote, [], 0)
    after_node({rest, %{s | line: s.line + lines}}, column, if(lines == 0, do: value))
  end

  defp plain_node(text, column, s) do
    {value, rest} = plain(text, 0, false)

    case rest do
      ":" <> _ -> after_node({rest, s}, column, value)
      _ -> continued(rest, s)
    end
  end

  # After a node: a colon makes it a key, where it is one line.
  defp after_node({text, s}, column, value) do
    case blanks(text, 0) do
      {_, ":" <> rest} when is_binary(value) -> key(value, rest, column, s)
      {_, ":" <> rest} -> node(rest, column, s)
      {_, rest} -> node(rest, column, s)
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
    {_, rest} = blanks(text, 0)

    with "\n" <> rest <- rest,
         {column, lines, rest} <- next_text(rest, 1),
         true <- column > indent(s) and not String.starts_with?(rest, "#") and not marker?(rest, column) do
      {_, rest} = plain(rest, 0, false)
      continued(rest, %{s | line: s.line + lines})
    else
      _ -> node(text, 0, s)
    end
  end

  defp next_text(text, lines) do
    case spaces(text, 0) do
      {_, "\n" <> rest} -> next_text(rest, lines + 1)
      {column, rest} -> {column, lines, rest |> blanks(0) |> elem(1)}
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
    {column, rest} = spaces(text, 0)

    case {rest, least} do
      {"\n" <> rest, {:at_least, least}} -> block_lines(rest, {:at_least, max(least, column)}, next(s))
      {"\n" <> rest, least} -> block_lines(rest, least, next(s))
      {_, {:at_least, least}} -> block_lines(text, max(least, column), s)
      {rest, least} when column >= least -> rest |> skip_line() |> block_lines(least, next(s))
      _ -> line(text, s)
    end
  end

  # Flow collections: `open` has the brackets around, from the innermost, each with its place and index.
  defp flow("", _, s), do: {"", s}
  defp flow("\n" <> rest, open, s), do: flow(rest, open, next(s))

  defp flow("#" <> rest, open, s), do: flow(skip_to_end(rest), open, s)

  defp flow(<<blank, rest::binary>>, open, s) when blank in ~c" \t", do: flow(rest, open, s)

  defp flow(<<bracket, rest::binary>>, open, s) when bracket in ~c"[{" do
    s = s |> flow_item(open) |> not_too_deep(open)
    flow(rest, [{bracket, s.node, 0} | open], s)
  end

  defp flow(<<bracket, rest::binary>>, [_ | open], s) when bracket in ~c"]}",
    do: if(open == [], do: {rest, s}, else: flow(rest, open, s))

  defp flow("," <> rest, [{bracket, place, index} | open], s),
    do: flow(rest, [{bracket, place, index + 1} | open], s)

  defp flow(":" <> rest, open, s), do: flow(rest, open, s)

  defp flow(<<mark, rest::binary>>, open, s) when mark in ~c"&*!", do: flow(rest, open, mark(mark, rest, s))

  defp flow(<<quote, rest::binary>>, open, s) when quote in ~c"\"'" do
    {value, rest, lines} = quoted(rest, quote, [], 0)
    flow_scalar(value, rest, open, %{s | line: s.line + lines})
  end

  defp flow(text, open, s) do
    case plain(text, 0, true) do
      # What nothing begins with is the parser's to refuse.
      {"", <<_, rest::binary>>} -> flow(rest, open, s)
      {value, rest} -> flow_continued(value, rest, open, s)
    end
  end

  # In here a plain scalar goes on over any number of lines.
  defp flow_continued(value, rest, open, s) do
    with "\n" <> after_break <- rest,
         {column, lines, text} <- next_text(after_break, 1),
         false <- String.starts_with?(text, "#") or marker?(text, column),
         {more, rest} when more != "" <- plain(text, 0, true) do
      flow_continued(value <> " " <> more, rest, open, %{s | line: s.line + lines})
    else
      _ -> flow_scalar(value, rest, open, s)
    end
  end

  defp flow_scalar(value, rest, [{bracket, place, _} | _] = open, s) do
    case {bracket, blanks(rest, 0)} do
      {?{, {_, ":" <> _}} -> flow(rest, open, s |> merge_key(value) |> found([value | place]))
      _ -> flow(rest, open, flow_item(s, open))
    end
  end

  defp flow_item(s, [{?[, place, index} | _]), do: found(s, [index | place])
  defp flow_item(s, _), do: s

  defp mark(mark, text, s) do
    {name, _} = word(text, 0)

    case mark do
      ?& -> problem(s, "the anchor &#{name} is not supported: write out what it stands for#{or_quoted("&")}")
      ?* -> problem(s, "the alias *#{name} is not supported: write out what it stands for#{or_quoted("*")}")
      ?! -> problem(s, "the tag !#{name} is not supported: leave it out#{or_quoted("!")}")
    end
  end

  defp or_quoted(mark), do: ", or quote a text that begins with #{mark}"
  defp complex_key(s), do: problem(s, "a key that begins with ? is not supported: keys are texts")

  defp merge_key(s, "<<"), do: problem(s, "the merge key << is not supported: write out what it stands for")
  defp merge_key(s, _), do: s

  # Scalars: what they are, what follows them, and how many lines they take.
  defp quoted("", _, read, lines), do: {text(read), "", lines}
  defp quoted("''" <> rest, ?', read, lines), do: quoted(rest, ?', ["'" | read], lines)
  defp quoted(<<quote, rest::binary>>, quote, read, lines), do: {text(read), rest, lines}
  defp quoted("\\\n" <> rest, ?", read, lines), do: quoted(rest, ?", read, lines + 1)
  defp quoted(<<?\\, escaped, rest::binary>>, ?", read, lines), do: quoted(rest, ?", [escaped | read], lines)
  defp quoted("\n" <> rest, quote, read, lines), do: quoted(rest, quote, read, lines + 1)
  defp quoted(<<byte, rest::binary>>, quote, read, lines), do: quoted(rest, quote, [byte | read], lines)

  defp text(read), do: read |> Enum.reverse() |> IO.iodata_to_binary()

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

  defp word(text, size) do
    case text do
      <<_::binary-size(size), byte, _::binary>> when byte not in ~c" \t\n,[]{}" -> word(text, size + 1)
      _ -> split(text, size)
    end
  end

  defp item?(<<?-, next, _::binary>>), do: next in ~c" \t\n"
  defp item?(text), do: text == "-"

  defp marker?(text, 0), do: text =~ ~r/\A(?:---|\.\.\.)(?:\s|\z)/
  defp marker?(_, _), do: false

  defp spaces(" " <> rest, count), do: spaces(rest, count + 1)
  defp spaces(rest, count), do: {count, rest}

  defp blanks(<<blank, rest::binary>>, count) when blank in ~c" \t", do: blanks(rest, count + 1)
  defp blanks(rest, count), do: {count, rest}

  defp rest_of_line(text, s), do: text |> skip_line() |> line(next(s))

  defp skip_line(text) do
    case :binary.split(text, "\n") do
      [_, rest] -> rest
      [_] -> ""
    end
  end

  defp skip_to_end(text) do
    case :binary.match(text, "\n") do
      {at, 1} -> binary_part(text, at, byte_size(text) - at)
      :nomatch -> ""
    end
  end

  defp indent(%{stack: []}), do: -1
  defp indent(%{stack: [{_, indent, _, _} | _]}), do: indent

  defp next(s), do: %{s | line: s.line + 1}
  defp problem(s, message), do: %{s | problems: [{s.line, message} | s.problems]}

  defp found(s, place),
    do: not_too_deep(%{s | node: place, lines: Map.put(s.lines, place, s.line)}, place)

  defp not_too_deep(s, levels) do
    if length(levels) > @deepest, do: throw({:too_deep, s.line}), else: s
  end
end
