defmodule Pipeline.Loader.Source.ScannerTest do
  use ExUnit.Case, async: true

  alias Pipeline.Loader.Source
  alias Pipeline.Loader.Source.Scanner

  @files Path.wildcard(Path.expand("../../../../tests/data/pipelines/*.yaml", __DIR__))

  test "the scanner finds every place that the parser finds, in files and in random texts" do
    bits =
      [
        "a",
        "b",
        ": ",
        ":",
        "\n",
        "\n  ",
        "\n    ",
        "\n\n",
        "- ",
        "-",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "'",
        "\"",
        "|",
        ">"
      ] ++
        [
          "|-",
          "|2",
          " ",
          "#",
          " #",
          "x: ",
          "\nc: ",
          "\n  d: ",
          "\\",
          "''",
          "---\n",
          "...",
          "\u2028",
          "\r\n",
          "?",
          "\n- "
        ] ++
        ["word", "k: |\n  ", "[a, b]", "q: {r: s}", "\t"]

    :rand.seed(:exsss, {1, 2, 3})
    random = for _ <- 1..10_000, do: Enum.map_join(1..:rand.uniform(12), fn _ -> Enum.random(bits) end)

    compared =
      for text <- Enum.map(@files, &File.read!/1) ++ random,
          %Source{problems: []} = source <- [Scanner.scan(text)],
          {:ok, [root]} <- [:fast_yaml.decode(text, [:sane_scalars, :maps])],
          places = places(root, []),
          # In flow context, a list may contain a single pair without brackets, and a collection may be a key. The scanner
          # records no line for their places.
          text not in random or not (text =~ ~r/[\[\]{}]/) do
        assert {text, places -- Map.keys(source.lines)} == {text, []}
      end

    assert length(compared) > 500
  end

  defp places(map, parent) when is_map(map),
    do: Enum.flat_map(map, fn {key, value} -> [[key | parent] | places(value, [key | parent])] end)

  defp places(list, parent) when is_list(list) do
    list
    |> Enum.with_index()
    |> Enum.flat_map(fn {value, index} -> [[index | parent] | places(value, [index | parent])] end)
  end

  defp places(_, _), do: []
end
