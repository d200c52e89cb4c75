defmodule Pipeline.Loader.Source.Scanner do
  @moduledoc """
  Scans the text of a YAML file for what its parser does not tell: the line of each place, and the uses of anchors,
  aliases, merge keys, tags and complex keys, which it would take for something else.

  It follows libyaml where a node begins and ends, and judges nothing else: what is no YAML is for the parser to say.
  It stops where the text is nested deeper than any pipeline is: the parser takes the whole VM down at some thousands.
  """

  alias Pipeline.Loader.Source
  alias Pipeline.Loader.Source.Block

  @doc "`lines` has places from the leaf to the root, as `[1, \"prompt\", 3, \"steps\", \"workflow\"]`."
  @spec scan(String.t()) :: Source.t()
  def scan(text) do
    # All that libyaml takes for the end of a line.
    text = String.replace(text, ["\r\n", "\r", "\u0085", "\u2028", "\u2029"], "\n")
    found = text |> String.trim_leading("\uFEFF") |> Block.line(%Source{})
    %{found | problems: Enum.reverse(found.problems)}
  catch
    {:enough, problems} -> %Source{problems: Enum.reverse(problems)}
  end
end
