defmodule Mix.Tasks.Pipeline.CheckTest do
  use ExUnit.Case, async: false

  import Pipeline.CommandCall

  alias Mix.Tasks.Pipeline.Check

  @moduletag :tmp_dir

  test "check lists all problems, one per line, and exits with 1; with warnings alone it exits with 0", %{
    tmp_dir: folder
  } do
    good = file(folder, "good.yaml", greeting())
    ran = command(Check, [good])
    assert {ran.status, ran.stdout} == {0, "✅ Pipeline valid: #{good}\n"}
    assert ran.stderr =~ "warning: #{good}:4: workflow.colour"

    bad =
      file(folder, "bad.yaml", greeting() |> String.replace("gemini", "gemni") |> String.replace("who", "[]"))

    ran = command(Check, [bad])
    assert ran.stderr =~ ~s(#{bad}:7: steps[0].type: "gemni" is not known)
    assert ran.stderr =~ ~s(#{bad}:11: steps[0].prompt[1].name: expected a text)
    assert ran.last == "❌ pipeline: #{bad} has 2 problems, listed above: correct the file"
    ran = command(Check, [Path.join(folder, "absent.yaml")])
    assert {ran.status, ran.last =~ "has 1 problem, listed above"} == {1, true}
  end
end
