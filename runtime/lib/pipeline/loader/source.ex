defmodule Pipeline.Loader.Source do
  @moduledoc """
  Maps each place in a YAML file to its line, and has the problems that `Pipeline.Loader.Source.Scanner` found in the text.

  A place is a list of keys and indices from the leaf to the root: `[1, "prompt", 3, "steps", "workflow"]`.

  The struct is also the state of the scanner:

    * `line` - the current line
    * `stack` - the open lists and mappings, from the innermost: `{:list | :map, column, place, index}`
    * `node` - the place of the current node
    * `lines` - the line of each place so far
    * `problems` - the problems so far, the last one first
  """

  import Pipeline.Loader.Source.Lexemes, only: [word: 1]

  alias Pipeline.Loader.Source

  @max_depth 64
  # The scanner stops when it has found this number of problems.
  @max_problems 20

  defstruct line: 1, stack: [], node: [], lines: %{}, problems: []

  @type place :: [String.t() | non_neg_integer()]
  @type t :: %Source{
          line: pos_integer(),
          stack: [tuple()],
          node: place(),
          lines: %{place() => pos_integer()},
          problems: [{pos_integer(), String.t()}]
        }

  @doc """
  Return the line of a place. If the place has no line, return the line of the nearest place around it. The root has the line of
  the first place.
  """
  @spec line_of(t(), place()) :: pos_integer() | nil
  def line_of(source, []), do: source.lines |> Map.values() |> Enum.min(fn -> nil end)

  def line_of(source, [_ | parent] = place),
    do: Map.get_lazy(source.lines, place, fn -> line_of(source, parent) end)

  @doc "Add a problem for an anchor (`&`), an alias (`*`) or a tag (`!`). `text` is the text after the mark."
  @spec refuse_mark(char(), binary(), t()) :: t()
  def refuse_mark(mark, text, source) do
    name = word(text)

    case mark do
      ?& ->
        problem(source, "the anchor &#{name} is not supported: write out what it stands for#{or_quoted("&")}")

      ?* ->
        problem(source, "the alias *#{name} is not supported: write out what it stands for#{or_quoted("*")}")

      ?! ->
        problem(source, "the tag !#{name} is not supported: leave it out#{or_quoted("!")}")
    end
  end

  defp or_quoted(mark), do: ", or quote a text that begins with #{mark}"

  @doc "Add a problem if a key is the merge key `<<`."
  @spec refuse_merge_key(t(), String.t()) :: t()
  def refuse_merge_key(source, "<<"),
    do: problem(source, "the merge key << is not supported: write out what it stands for")

  def refuse_merge_key(source, _), do: source

  @doc "Go to the next line."
  @spec next_line(t()) :: t()
  def next_line(source), do: %{source | line: source.line + 1}

  @doc "Add a problem in the current line. Throw `{:enough, problems}` if there are #{@max_problems} of them."
  @spec problem(t(), String.t()) :: t()
  def problem(source, message) do
    problems = [{source.line, message} | source.problems]
    if length(problems) < @max_problems, do: %{source | problems: problems}, else: throw({:enough, problems})
  end

  @doc "Begin a node: the place is in the current line."
  @spec begin_node(t(), place()) :: t()
  def begin_node(source, place),
    do: check_depth(%{source | node: place, lines: Map.put(source.lines, place, source.line)}, place)

  @doc "Throw `{:enough, problems}` if there are more than #{@max_depth} levels."
  @spec check_depth(t(), list()) :: t()
  def check_depth(source, levels) do
    if length(levels) > @max_depth,
      do: throw({:enough, [{source.line, "is nested deeper than #{@max_depth} levels"}]}),
      else: source
  end
end
