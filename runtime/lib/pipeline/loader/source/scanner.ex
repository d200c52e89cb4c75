defmodule Pipeline.Loader.Source.Scanner do
  @moduledoc """
  Scans the text of a YAML file for facts that the YAML parser does not report: the line of each place, and the use of
  anchors, aliases, merge keys, tags and complex keys. The parser would silently resolve or misread these.

      source = Pipeline.Loader.Source.Scanner.scan("workflow:\\n  name: a\\n")
      source.lines    # %{["workflow"] => 1, ["name", "workflow"] => 2}

  For the scanner, a node begins and ends where it does for libyaml. The scanner does not check that the text is valid YAML,
  because the parser does that. It stops if the text is nested deeper than any pipeline, because a text with some thousands of
  levels ends the whole VM in the parser.
  """

  alias Pipeline.Loader.Source
  alias Pipeline.Loader.Source.Block

  @doc "Return the lines of all places, and the problems in the order of the text."
  @spec scan(String.t()) :: Source.t()
  def scan(text) do
    # libyaml accepts all of these as the end of a line.
    text = String.replace(text, ["\r\n", "\r", "\u0085", "\u2028", "\u2029"], "\n")
    source = text |> String.trim_leading("\uFEFF") |> Block.line(%Source{})
    %{source | problems: Enum.reverse(source.problems)}
  catch
    {:enough, problems} -> %Source{problems: Enum.reverse(problems)}
  end
end
