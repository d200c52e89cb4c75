defmodule Pipeline.Loader.Source do
  @moduledoc """
  What `Pipeline.Loader.Source.Scanner` finds in the text of a YAML file: the line of each place, and the problems; and
  the state while it scans.
  """

  import Pipeline.Loader.Source.Lexemes, only: [word: 1]

  alias Pipeline.Loader.Source

  @deepest 64
  @most_problems 20

  defstruct line: 1, stack: [], node: [], lines: %{}, problems: []

  @type place :: [String.t() | non_neg_integer()]
  @type t :: %Source{
          line: pos_integer(),
          stack: [tuple()],
          node: place(),
          lines: %{place() => pos_integer()},
          problems: [{pos_integer(), String.t()}]
        }

  @doc "The line of a place, or of the nearest one around it that was found; of all, where the first of it is."
  @spec line_of(t(), place()) :: pos_integer() | nil
  def line_of(source, []), do: source.lines |> Map.values() |> Enum.min(fn -> nil end)

  def line_of(source, [_ | around] = place),
    do: Map.get_lazy(source.lines, place, fn -> line_of(source, around) end)

  @doc "An anchor, an alias or a tag: it is refused."
  @spec mark(char(), binary(), t()) :: t()
  def mark(mark, text, s) do
    name = word(text)

    case mark do
      ?& -> problem(s, "the anchor &#{name} is not supported: write out what it stands for#{or_quoted("&")}")
      ?* -> problem(s, "the alias *#{name} is not supported: write out what it stands for#{or_quoted("*")}")
      ?! -> problem(s, "the tag !#{name} is not supported: leave it out#{or_quoted("!")}")
    end
  end

  defp or_quoted(mark), do: ", or quote a text that begins with #{mark}"

  @doc "A key, which is refused if it would merge."
  @spec merge_key(t(), String.t()) :: t()
  def merge_key(s, "<<"), do: problem(s, "the merge key << is not supported: write out what it stands for")
  def merge_key(s, _), do: s

  @doc "One line further."
  @spec next(t()) :: t()
  def next(s), do: %{s | line: s.line + 1}

  @doc "Something to be refused, in this line."
  @spec problem(t(), String.t()) :: t()
  def problem(s, message) do
    problems = [{s.line, message} | s.problems]
    if length(problems) < @most_problems, do: %{s | problems: problems}, else: throw({:enough, problems})
  end

  @doc "A node, in this line."
  @spec found(t(), place()) :: t()
  def found(s, place),
    do: not_too_deep(%{s | node: place, lines: Map.put(s.lines, place, s.line)}, place)

  @doc "Stop where there are too many levels."
  @spec not_too_deep(t(), list()) :: t()
  def not_too_deep(s, levels) do
    if length(levels) > @deepest,
      do: throw({:enough, [{s.line, "is nested deeper than #{@deepest} levels"}]}),
      else: s
  end
end
