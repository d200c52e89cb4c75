defmodule Mix.Tasks.Pipeline.GenerateTest do
  use ExUnit.Case, async: false

  import Pipeline.Answers
  import Pipeline.CommandCall

  alias Mix.Tasks.Pipeline.Generate
  alias Pipeline.ScriptedProvider

  @moduletag :tmp_dir

  test "generate asks the rehearsal without a key and runs pipelines that work on files", %{tmp_dir: folder} do
    server = provider([gemini("hello"), claude(~s({"score": 1}))])
    pipeline = file(folder, "p.yaml", String.replace(greeting(), "name: who", "name: user_prompt"))
    output = Path.join(folder, "plan.yaml")
    call = command(Generate, ["--pipeline", pipeline, "--output", output, "greet me"] ++ rehearsal(server))
    assert {call.status, call.stdout} == {0, "✅ Pipeline generated at #{output}\n"}

    assert call.stderr =~
             ~r/^used by hello: 1 call of .*\nused by rating: 1 call of .*\nused in all: 2 calls of /m

    assert File.read!(output) == ~s({"score": 1})
    assert File.read!(Path.join(folder, "plan_files/texts/hello.md")) == "hello"
    assert [request, _] = ScriptedProvider.requests(server)
    assert request.headers["x-goog-api-key"] == "no-key-in-rehearsal"
  end

  test "an output file may have the longest name that a folder takes", %{tmp_dir: folder} do
    server = provider([gemini("hello"), claude(~s({"score": 1}))])
    pipeline = file(folder, "p.yaml", String.replace(greeting(), "name: who", "name: user_prompt"))
    output = Path.join(folder, String.duplicate("x", 245) <> ".yaml")
    call = command(Generate, ["--pipeline", pipeline, "--output", output, "greet me"] ++ rehearsal(server))
    assert call.status == 0
    assert File.regular?(output)
  end
end
