defmodule Pipeline.Loader.DocumentTest do
  @moduledoc "Tests that loading any bytes ends with a pipeline or with a list of problems."

  use ExUnit.Case, async: true

  import :proper_types, only: [elements: 1, frequency: 1, list: 1]

  alias Pipeline.{Error, Loader}

  @files Path.wildcard(Path.expand("../../../tests/data/pipelines/*.yaml", __DIR__))

  defp load(text) do
    case Loader.parse(text, "p.yaml") do
      {:error, %Error{kind: :pipeline, message: "p.yaml" <> _ = message}} -> message
      {:ok, %Pipeline{}} -> :loaded
    end
  end

  for {name, text, reason} <- [
        {"an empty file", "", "p.yaml: is empty"},
        {"a comment alone", "# nothing\n", "is empty"},
        {"a scalar", "just words", "p.yaml:1: expected one mapping"},
        {"a list", "- 1", "expected one mapping"},
        {"two documents", "a: 1\n---\nb: 2\n", "got several"},
        {"a NUL", "a: 1\nb: x\0y\n", "p.yaml:2: has a control character"},
        {"a text that is not UTF-8", <<"a: ", 0xFF>>, "is not UTF-8"},
        {"an unclosed bracket", "a: [1\nb: 2\n", "p.yaml:2: is not valid YAML"},
        {"deep brackets", String.duplicate("[", 100_000), "p.yaml:1: is nested deeper than 64 levels"},
        {"deep brackets behind a bracket in quotes", String.duplicate("[\"]\",", 50_000), "nested deeper"},
        {"deep brackets behind a comment", "[#a, 'x\n" <> String.duplicate("[", 50_000), "nested deeper"},
        {"deep brackets after a block scalar", "a: |1\n  x\n \"\nb: " <> String.duplicate("[", 50_000),
         "nested deeper"},
        {"deep brackets after a strange line break", "a: |\n  x\u2028b: " <> String.duplicate("[", 50_000),
         "nested deeper"},
        {"deep lists", String.duplicate("- ", 100_000), "nested deeper"},
        {"deep complex keys", String.duplicate("? ", 100_000), "a key that begins with ?"},
        {"deep complex keys behind a byte order mark", "\n\uFEFF" <> String.duplicate("? ", 8_000),
         "p.yaml: is indented by more than 500 columns"},
        {"deep complex keys behind a byte order mark and a strange line break",
         "\u0085\uFEFF" <> String.duplicate("? ", 8_000), "is indented by more than 500 columns"},
        {"deep mappings", Enum.map_join(0..200, "\n", &(String.duplicate(" ", &1) <> "a:")),
         "p.yaml:65: is nested deeper"},
        {"a large file", "a: " <> String.duplicate("x", 1_000_001), "is larger than 1000000 bytes"},
        {"deep brackets behind a key that is a list",
         "- [a]: |\n  b: #{String.duplicate("[", 20_000)}#{String.duplicate("]", 20_000)}",
         "p.yaml:1: a key in brackets"},
        {"deep brackets behind a key over two lines",
         "- \"a\n b\": |\n  b: " <> String.duplicate("[", 20_000),
         "p.yaml:2: a key in brackets or over several lines"},
        {"many brackets that the scanner takes for text", "a: |\n  " <> String.duplicate("[", 2_000),
         "has more than 1500 brackets"},
        {"a deep indentation that the scanner takes for text", "a: |\n  " <> String.duplicate("- ", 2_000),
         "is indented by more than 500"},
        {"a key that is a list", "[a]: 1", "keys are texts"},
        {"a key that is a list, in brackets", "{a: {[a]: 1}}", "a key is not a text"},
        {"a key that occurs twice", "workflow:\n  name: a\n  name: b\n",
         "p.yaml:3: workflow.name: the key occurs twice"},
        {"an anchor", "a: &x 1\n", "p.yaml:1: the anchor &x is not supported"},
        {"an alias", "a: 1\nb: [1, *x]\n", "p.yaml:2: the alias *x is not supported"},
        {"a merge key", "a:\n  <<: {b: 1}\n", "p.yaml:2: the merge key << is not supported"},
        {"a tag", "a: !!binary aGk=\n", "p.yaml:1: the tag !!binary is not supported"},
        {"a number of more than 64 bits", "a:\n  - 1\n  - 99999999999999999999\n",
         "p.yaml:3: a[1]: a whole number of more than 64 bits: quote it"},
        {"a time-out that is too long for a timer",
         "workflow:\n  name: a\n  steps:\n    - name: b\n      type: set_variable\n      timeout_ms: 99999999999\n",
         "p.yaml:6: steps[0].timeout_ms: expected a whole number from 1 to 86400000"},
        {"a workflow that is a text", "workflow: x", "p.yaml:1: workflow: expected a mapping"},
        {"steps that are not mappings", "workflow: {name: a, steps: [1, null]}",
         "steps[1]: expected a mapping"},
        {"a step that is a mapping of lists", "workflow: {name: [], steps: [{name: {}, type: []}]}",
         "steps[0].type"}
      ] do
    test "#{name} is refused with the reason" do
      assert load(unquote(text)) =~ unquote(reason)
    end
  end

  test "a text that looks like an anchor, an alias or a merge key is loaded" do
    text = ~S'''
    workflow:
      name: "*not an alias"
      description: 'and & so on' # &nor *this
      version: a *b* &c
      metadata:
        block: |
          *one
          &two
          <<: three
        folded: plain
          *going on
        flow: [a*b, "&c", {d: 'e &f'}]
      steps:
        - {name: one, type: gemini, prompt: [{type: static, content: "x"}]}
    '''

    assert load(text) == :loaded
  end

  # Marks that begin or end a text in YAML, and sometimes deep nesting.
  defp hostile_bits do
    small =
      elements(
        ["a", "a: ", "- ", "? ", ": ", "\n", "\n  ", "\n    ", "\n- ", "[a]: ", "{a: b}: ", "\"a\n b\": "] ++
          [
            "|\n",
            "|2\n",
            ">-\n  ",
            "'",
            "\"",
            "\\\"",
            "''",
            "#",
            " #",
            "---\n",
            "---",
            "...\n",
            "%a\n",
            "\t",
            "\r"
          ] ++
          [
            "\u0085",
            "\u2028",
            "\uFEFF",
            "[",
            "]",
            "{",
            "}",
            ", ",
            ",",
            "!a ",
            "&a ",
            "*a",
            "@",
            "`",
            "é",
            "\0"
          ]
      )

    deep =
      elements(
        for bit <- ["[", "{a: ", "- ", "? ", ": ", "- [a]: ", "[\"]\","], do: String.duplicate(bit, 8_000)
      )

    frequency([{12, small}, {1, deep}])
  end

  # 1,000 texts take about 10 seconds, and longer on a busy machine.
  @tag timeout: 300_000
  test "no text ends the VM or takes longer than five seconds" do
    property =
      :proper.forall(list(hostile_bits()), fn bits ->
        text = Enum.join(bits)
        task = Task.async(fn -> Loader.parse(text, "p.yaml") end)

        match?(
          {:ok, {outcome, _}} when outcome in [:ok, :error],
          Task.yield(task, 5_000) || Task.shutdown(task)
        )
      end)

    assert :proper.quickcheck(property, [:quiet, numtests: 1_000, max_size: 30]) == true
  end

  test "any number of brackets may be closed in their own line" do
    lines = String.duplicate("        {a, [b], foo[0]} and [x](y) \#{z} {{w}}\n", 1_000)
    step = "{name: one, type: gemini, prompt: [{type: static, content: x}]}"
    text = "workflow:\n  name: a\n  metadata:\n    code: |\n#{lines}  steps:\n    - #{step}\n"
    assert load(text) == :loaded
  end

  test "the loader does not crash for real files that are cut off or have changed bytes" do
    :rand.seed(:exsss, {4, 5, 6})

    for file <- @files, text = File.read!(file), _ <- 1..10 do
      size = byte_size(text)
      cut = binary_part(text, 0, :rand.uniform(size))
      bytes = :binary.bin_to_list(text)

      changes =
        for _ <- 1..3,
            into: %{},
            do: {:rand.uniform(size) - 1, Enum.random([0, 9, 10, 32, 34, 38, 42, 45, 58, 91, 123, 255])}

      changed =
        bytes
        |> Enum.with_index()
        |> Enum.map(fn {byte, index} -> changes[index] || byte end)
        |> :binary.list_to_bin()

      for damaged <- [cut, changed], do: load(damaged)
    end
  end
end
