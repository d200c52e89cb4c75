defmodule Mix.Tasks.Pipeline.CheckTest do
  use ExUnit.Case, async: false

  import Pipeline.CommandCall

  alias Mix.Tasks.Pipeline.Check

  @moduletag :tmp_dir

  test "check lists all problems, one per line, and exits with 1; with warnings alone it exits with 0", %{
    tmp_dir: folder
  } do
    good = file(folder, "good.yaml", greeting())
    call = command(Check, [good])
    assert {call.status, call.stdout} == {0, "✅ Pipeline valid: #{good}\n"}
    assert call.stderr =~ "warning: #{good}:4: workflow.colour"

    bad =
      file(folder, "bad.yaml", greeting() |> String.replace("gemini", "gemni") |> String.replace("who", "[]"))

    call = command(Check, [bad])
    assert call.stderr =~ ~s(#{bad}:7: steps[0].type: "gemni" is not known)
    assert call.stderr =~ ~s(#{bad}:11: steps[0].prompt[1].name: expected a text)
    assert call.last == "❌ pipeline: #{bad} has 2 problems, listed above: correct the file"
    call = command(Check, [Path.join(folder, "absent.yaml")])
    assert {call.status, call.last =~ "has 1 problem, listed above"} == {1, true}
  end

  test "check --generate finds what an execution with these inputs would refuse, and needs no key", %{
    tmp_dir: folder
  } do
    input = file(folder, "code.xml", "code")

    prompt = fn parts ->
      file(folder, "p.yaml", """
      workflow:
        name: a
        steps:
          - {name: one, type: gemini, prompt: [{type: variable, name: user_prompt}, #{parts}]}
      """)
    end

    code = "{type: file, input: code}"

    for {parts, options, status, reason} <- [
          {code, ["--input", "code=#{input}"], 0, "✅ Pipeline valid"},
          {"{type: file, input: code, optional: true}", [], 0, "✅ Pipeline valid"},
          {code, [], 1, ~s(needs the input "code")},
          {code, ["--input", "code=#{input}", "--input", "cdoe=#{input}"], 1,
           ~s(takes no input "cdoe"; it takes code)},
          {code, ["--input", "code=#{folder}/absent"], 1, "the input code: "},
          {"{type: file, path: absent.md}", [], 1, "absent.md cannot be read"},
          {"{type: variable, name: tpoic}", [], 1, ~s(needs the variable "tpoic")}
        ] do
      call = command(Check, ["--generate", prompt.(parts) | options])
      assert {parts, call.status} == {parts, status}
      assert "#{call.stdout}#{call.last}" =~ reason
    end

    call = command(Check, [prompt.(code), "--input", "code=#{input}"])
    assert {call.status, call.last =~ "--input belongs to --generate"} == {2, true}
    assert command(Check, [prompt.(code)]).status == 0
  end

  test "check --generate finds two steps that write one file", %{tmp_dir: folder} do
    step = &"{name: #{&1}, type: gemini, output_to_file: a.md, prompt: [{type: variable, name: user_prompt}]}"

    pipeline = file(folder, "p.yaml", "workflow: {name: a, steps: [#{step.("one")}, #{step.("two")}]}")

    call = command(Check, ["--generate", pipeline])
    assert {call.status, call.last =~ "two steps write /a.md"} == {1, true}
  end
end
