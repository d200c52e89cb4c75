defmodule Pipeline.LoaderTest do
  use ExUnit.Case, async: true

  alias Pipeline.{Ask, Error, Loader, Step}

  @moduletag :tmp_dir

  defp load(folder, text) do
    file = Path.join(folder, "pipeline.yaml")
    File.write!(file, text)
    Loader.load(file)
  end

  defp problems(folder, text) do
    assert {:error, %Error{kind: :pipeline, message: message}} = load(folder, text)
    String.split(message, "\n")
  end

  test "genesis takes the prompt as a variable, and a codebase if there is one" do
    assert {:ok, pipeline} = Loader.load(Pipeline.Generate.genesis())
    assert [%Step{action: %Ask{provider: :gemini, prompt: parts}}] = pipeline.steps
    assert {:variable, "user_prompt"} in parts
    assert Pipeline.inputs(pipeline) == %{"codebase" => false}
  end

  test "every mistake is named at once, each with its place and the nearest known word", %{tmp_dir: folder} do
    found =
      problems(folder, """
      workflow:
        name: wrong
        stepz: 1
        steps:
          - name: one
            type: gemni
            prompt:
              - type: varable
                name: user_prompt
              - type: previous_response
                step: two
          - name: one
            type: claude
            temperature: hot
            prompt: just a text
      """)

    assert Enum.any?(
             found,
             &(&1 =~ ~s(yaml:3: workflow.stepz: is not known here) and &1 =~ ~s(did you mean "steps"))
           )

    assert Enum.any?(found, &(&1 =~ ~s(steps[0].type: "gemni") and &1 =~ ~s(did you mean "gemini")))

    assert Enum.any?(
             found,
             &(&1 =~ ~s(steps[0].prompt[0].type: "varable") and &1 =~ ~s(did you mean "variable"))
           )

    assert Enum.any?(found, &(&1 =~ ~s(steps[0].prompt[1].step: no step before this one is named "two")))
    assert Enum.any?(found, &(&1 =~ ~s(steps[1]: the name "one" is taken)))
    assert Enum.any?(found, &(&1 =~ "steps[1].temperature: expected a number"))
    assert Enum.any?(found, &(&1 =~ "steps[1].prompt: is a text, expected a list"))
  end

  test "what is no pipeline is refused with a reason", %{tmp_dir: folder} do
    assert [one] = problems(folder, "name: bare\nsteps: []\n")
    assert one =~ "the key workflow is missing"
    assert [one] = problems(folder, "a: [1")
    assert one =~ "is no YAML"
    assert [one] = problems(folder, "- 1\n- 2\n")
    assert one =~ "expected one mapping"
    assert {:error, %Error{message: message}} = Loader.load(Path.join(folder, "absent.yaml"))
    assert message =~ "no such file"
  end

  test "a step's file has a name that no file system makes another of" do
    for name <-
          ["result.json", "./result.json", "result.json/x.md", "Result.JSON", "", ".", "a/.", " ", "a/", "/a"] ++
            ["../a", "a/../b", "a\\0b", "a//b", String.duplicate("x", 256), "a{{b}}", "nul"] do
      step = ~s({name: one, type: gemini, output_to_file: "#{name}", prompt: [{type: static, content: x}]})

      assert {:error, %Error{message: message}} =
               Loader.parse("workflow: {name: a, steps: [#{step}]}", "p.yaml")

      assert message =~ "steps[0].output_to_file: "
    end

    for name <- ["a", "./a", "a/b.md", "a_{{timestamp}}.md", "results.json", "a/result.json"] do
      step = ~s({name: one, type: gemini, output_to_file: "#{name}", prompt: [{type: static, content: x}]})
      assert {:ok, _} = Loader.parse("workflow: {name: a, steps: [#{step}]}", "p.yaml")
    end
  end
end
