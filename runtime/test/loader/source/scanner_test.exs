defmodule Pipeline.Loader.Source.ScannerTest do
  use ExUnit.Case, async: true

  alias Pipeline.Loader.Source
  alias Pipeline.Loader.Source.Scanner

  @files Path.wildcard(Path.expand("../../../../tests/data/pipelines/*.yaml", __DIR__))

  test "the scan finds every place that the parser does, in files and in random texts" do
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
          # A mapping of one pair may stand bare in a list, and a collection be a key: these have no line of their own.
          text not in random or not (text =~ ~r/[\[\]{}]/) do
        assert {text, places -- Map.keys(source.lines)} == {text, []}
      end

    assert length(compared) > 500
  end

  defp places(map, at) when is_map(map),
    do: Enum.flat_map(map, fn {key, value} -> [[key | at] | places(value, [key | at])] end)

  defp places(list, at) when is_list(list) do
    list
    |> Enum.with_index()
    |> Enum.flat_map(fn {value, index} -> [[index | at] | places(value, [index | at])] end)
  end

  defp places(_, _), do: []
end
