defmodule Pipeline.LoaderTest do
  use ExUnit.Case, async: true

  alias Pipeline.{Error, Loader, Step}
  alias Pipeline.Model.Ask

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

  test "genesis takes the prompt as a variable and a codebase as an optional input" do
    assert {:ok, pipeline} = Loader.load(Pipeline.Generate.genesis())
    assert [%Step{action: %Ask{provider: :gemini, prompt: parts}}] = pipeline.steps
    assert {:variable, "user_prompt"} in parts
    assert Pipeline.inputs(pipeline) == %{"codebase" => false}
  end

  test "all mistakes are listed at once, with their places and the nearest known words", %{tmp_dir: folder} do
    problems =
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
             problems,
             &(&1 =~ ~s(yaml:3: workflow.stepz: is not known here) and &1 =~ ~s(did you mean "steps"))
           )

    assert Enum.any?(problems, &(&1 =~ ~s(steps[0].type: "gemni") and &1 =~ ~s(did you mean "gemini")))

    assert Enum.any?(
             problems,
             &(&1 =~ ~s(steps[0].prompt[0].type: "varable") and &1 =~ ~s(did you mean "variable"))
           )

    assert Enum.any?(problems, &(&1 =~ ~s(steps[0].prompt[1].step: no step before this one is named "two")))
    assert Enum.any?(problems, &(&1 =~ ~s(steps[1]: the name "one" is taken)))
    assert Enum.any?(problems, &(&1 =~ "steps[1].temperature: expected a number"))
    assert Enum.any?(problems, &(&1 =~ "steps[1].prompt: is a text, expected a list"))
  end

  test "a file that is not a pipeline is refused with the reason", %{tmp_dir: folder} do
    assert [problem] = problems(folder, "name: bare\nsteps: []\n")
    assert problem =~ "the key workflow is missing"
    assert [problem] = problems(folder, "a: [1")
    assert problem =~ "is not valid YAML"
    assert [problem] = problems(folder, "- 1\n- 2\n")
    assert problem =~ "expected one mapping"
    assert {:error, %Error{message: message}} = Loader.load(Path.join(folder, "absent.yaml"))
    assert message =~ "no such file"

    assert {:error, %Error{message: "/dev/zero: cannot be read: it is a device, not a file"}} =
             Loader.load("/dev/zero")

    assert {:error, %Error{message: message}} = Loader.variables(folder)
    assert message =~ "it is a directory, not a file"
    File.write!(Path.join(folder, "large.yaml"), String.duplicate("a", 1_000_001))
    assert {:error, %Error{message: message}} = Loader.load(Path.join(folder, "large.yaml"))
    assert message =~ "is larger than 1000000 bytes"
  end

  @prompt "prompt: [{type: static, content: x}]"
  @program "type: claude, via: program, #{@prompt}"

  for {step, problem} <- [
        {"type: file_ops, operation: write, path: a.md, content: 'a {{b}}'",
         "warning: steps[0].content: {{b}} is sent unchanged"},
        {"type: gemini, system_prompt: 'a {{b}}', #{@prompt}",
         "warning: steps[0].system_prompt: {{b}} is sent unchanged"},
        {"type: claude, claude_options: {append_system_prompt: 'a {{b}}'}, #{@prompt}",
         "warning: steps[0].claude_options.append_system_prompt: {{b}} is sent unchanged"},
        {"type: set_variable, variables: {x: [1, 'a {{b}}']}",
         "steps[0].variables.x[1]: {{…}} is not evaluated"},
        {"type: set_variable, variables: {x: 1}, value: false", "steps[0]: takes variables, or one variable"},
        {"type: set_variable, variable: x", "steps[0]: expected the key value or from"},
        {"type: gemini_extract, schema: {type: object}, extraction_config: {format: text}, #{@prompt}",
         "steps[0].extraction_config: has format: text beside a schema: expected one of them"},
        {"type: gemini_extract, schema: {}, extraction_config: {format: json, schema: {}}, #{@prompt}",
         "steps[0].extraction_config: repeats the schema of the step: expected one of them"},
        {"type: gemini_extract, extraction_config: {format: json, schema: {typ: x}}, #{@prompt}",
         "steps[0].extraction_config.schema.typ: as a JSON schema: this keyword is not known"},
        {"type: gemini_instructor, schema: {type: object}, functions: [nope], #{@prompt}",
         "steps[0].functions: has functions beside a schema: expected one of them"},
        {"type: gemini_extract, schema: {type: null}, #{@prompt}", "got null: quote \"null\""},
        {"temperature: 0.5, #{@program}", "warning: steps[0].temperature: has no effect: the claude program"},
        {"token_budget: {max_output_tokens: 5}, #{@program}",
         "warning: steps[0]: the max_tokens of its token_budget or the defaults has no effect"},
        {"token_budget: {temperature: 1}, #{@program}",
         "warning: steps[0]: the temperature of its token_budget or the defaults has no effect"},
        {"type: claude, temperature: 1.5, #{@prompt}",
         "steps[0].temperature: expected a number from 0 to 1, the highest temperature of anthropic, got 1.5"},
        {"type: claude, temperature: 0.5, #{@prompt}",
         "steps[0].temperature: expected no temperature: claude-sonnet-5-5 refuses any but 1, got 0.5"},
        {"type: claude, model: opus, token_budget: {temperature: 0}, #{@prompt}",
         "steps[0].token_budget.temperature: expected no temperature: claude-opus-5-5 refuses any but 1, got 0"},
        {"type: gemini, temperature: 2.5, #{@prompt}",
         "steps[0].temperature: expected a number from 0 to 2, the highest temperature of gemini, got 2.5"},
        {"type: gemini, token_budget: {temperature: 3}, #{@prompt}",
         "steps[0].token_budget.temperature: expected a number from 0 to 2"},
        {"type: claude_extract, schema: {type: object, properties: {größe: {type: string}}}, #{@prompt}",
         "anthropic refuses this name of a property: expected 1 to 64 of the characters"},
        {"type: gemini_extract, schema: {type: object, required: [a, a]}, #{@prompt}",
         "steps[0].schema.required: as a JSON schema: expected a list of texts, each once"}
      ] do
    test "{#{step}} causes one error or warning" do
      assert [message] =
               (case Loader.parse("workflow: {name: a, steps: [{name: b, #{unquote(step)}}]}", "p.yaml") do
                  {:ok, %{warnings: warnings}} -> Enum.map(warnings, &("warning: " <> &1))
                  {:error, error} -> [error.message]
                end)

      assert String.replace(message, "p.yaml:1: ", "") =~ unquote(problem)
    end
  end

  test "no preset sets a temperature, and a temperature of null counts as missing" do
    for step <- [
          "type: claude_smart, preset: test",
          "type: claude, preset: production",
          "type: claude_smart",
          "type: gemini, temperature: null"
        ] do
      text = "workflow: {name: a, steps: [{name: b, #{step}, #{@prompt}}]}"
      assert {:ok, %{steps: [%{action: %{temperature: nil}}], warnings: []}} = Loader.parse(text, "p.yaml")
    end
  end

  test "a temperature at the limit is accepted, and the temperature of the defaults is checked" do
    text = fn defaults, step ->
      "workflow: {name: a, defaults: {#{defaults}}, steps: [{name: b, #{step}, #{@prompt}}]}"
    end

    assert {:ok, _} = Loader.parse(text.("", "type: claude, temperature: 1"), "p.yaml")
    assert {:ok, _} = Loader.parse(text.("", "type: claude, temperature: 1.0"), "p.yaml")

    assert {:ok, _} =
             Loader.parse(text.("", "type: claude, model: claude-opus-4-6, temperature: 0.2"), "p.yaml")

    assert {:ok, _} = Loader.parse(text.("", "type: gemini, temperature: 2.0"), "p.yaml")

    assert {:error, %Error{message: message}} =
             Loader.parse(text.("gemini_token_budget: {temperature: 2.1}", "type: gemini"), "p.yaml")

    assert message =~ "steps[0]: the temperature of the defaults: expected a number from 0 to 2"
  end

  test "a problem of a schema has the line of the keyword" do
    text = """
    workflow:
      name: a
      steps:
        - name: b
          type: claude_extract
          prompt: [{type: static, content: x}]
          schema:
            type: object
            properties:
              "two words":
                type: string
    """

    assert {:error, %Error{message: "p.yaml:10: " <> _}} = Loader.parse(text, "p.yaml")
    text = String.replace(text, ~s("two words"), "words") <> "            typ: x\n"
    assert {:error, %Error{message: "p.yaml:12: " <> message}} = Loader.parse(text, "p.yaml")
    assert message =~ "schema.properties.words.typ: as a JSON schema: this keyword is not known"
  end

  test "a problem of a function's schema has the line of the function, and is listed once" do
    step = &"{name: #{&1}, type: gemini_instructor, functions: [rate], #{@prompt}}"

    text = """
    workflow:
      name: a
      gemini_functions:
        rate:
          parameters:
            typ: object
      steps:
        - #{step.("b")}
        - #{step.("c")}
    """

    assert {:error, %Error{message: message}} = Loader.parse(text, "p.yaml")
    assert [line] = String.split(message, "\n")
    assert line =~ "p.yaml:6: workflow.gemini_functions.rate.parameters.typ: as a JSON schema: this keyword"
  end

  test "1000 steps take no more than three times as much work as 500, and one more is refused" do
    file = fn count ->
      "workflow:\n  name: a\n  steps:\n" <>
        Enum.map_join(
          1..count,
          &"    - {name: s#{&1}, type: file_ops, operation: write, path: a, content: '{{x}}'}\n"
        )
    end

    assert {:ok, pipeline} = Loader.parse(file.(1_000), "p.yaml")
    assert length(pipeline.warnings) == 1_000
    assert work(file.(1_000)) < 3 * work(file.(500))
    assert {:error, %Error{message: message}} = Loader.parse(file.(1_001), "p.yaml")
    assert message == "p.yaml:3: workflow.steps: expected no more than 1000 steps, got 1001"
  end

  # Return how many reductions the loader takes for a text. A yield of the process or a garbage collection adds reductions to
  # one run, so take the least of several runs.
  defp work(text) do
    Enum.min(
      for _ <- 1..5 do
        {:reductions, before} = Process.info(self(), :reductions)
        Loader.parse(text, "p.yaml")
        {:reductions, later} = Process.info(self(), :reductions)
        later - before
      end
    )
  end

  test "a name in output_to_file that some file system would change is refused" do
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
