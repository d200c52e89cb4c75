defmodule Pipeline.CommandTest do
  @moduledoc "What the commands share, called as Mix calls them. Tests of one command are in mix/tasks/."

  use ExUnit.Case, async: false

  import Pipeline.CommandCall

  alias Mix.Tasks.Pipeline.{Check, Generate, Run}
  alias Mix.Tasks.Pipeline.Generate.Live
  alias Pipeline.ScriptedProvider

  @moduletag :tmp_dir

  test "a place that takes no file is told before a model is paid", %{tmp_dir: folder} do
    server = provider([])
    pipeline = file(folder, "p.yaml", String.replace(greeting(), "name: who", "name: user_prompt"))
    long = Path.join(folder, String.duplicate("x", 256))

    for output <- ["/proc/x/plan.yaml", Path.join(pipeline, "plan.yaml"), long] do
      ran = command(Generate, ["--pipeline", pipeline, "--output", output, "greet me"] ++ rehearsal(server))
      assert {ran.status, ran.stdout} == {1, ""}
      assert ran.last =~ "❌ write: #{output}"
    end

    options = ["--var", "user_prompt=x", "--output-dir", "/proc/x"] ++ rehearsal(server)
    assert command(Run, [pipeline | options]).last =~ "❌ write: /proc/x/result.json"
    assert ScriptedProvider.requests(server) == []
  end

  test "what the user can mend is exit status 2, and costs nothing", %{tmp_dir: folder} do
    pipeline = file(folder, "p.yaml", greeting())
    bad = file(folder, "bad.yaml", "steps: []")
    vars = file(folder, "vars.yaml", "- 1")
    there = file(folder, "result.json", "mine")
    latin = file(folder, "latin", <<0xE4>>)

    for {task, arguments, said} <- [
          {Run, [], "a pipeline file is expected"},
          {Run, [pipeline, "more"], ~s("more": expected one pipeline file)},
          {Run, [bad], "the key workflow is missing"},
          {Run, [pipeline, "--vra", "a=b"], "did you mean --var?"},
          {Run, [pipeline, "--var", "=b"], "expected NAME=VALUE"},
          {Run, [pipeline, "--var", "a=1", "--var", "a=2"], "--var a is given twice"},
          {Run, [pipeline, "--vars-file", vars], "expected one mapping"},
          {Run, [pipeline, "--vars-file", "absent"], "no such file"},
          {Run, [pipeline, "--output-dir", folder], "#{there} exists already"},
          {Run, [pipeline, "--input", "x=y", "--output-dir", Path.join(folder, "o")], "takes no input"},
          {Live, [], "a prompt is expected"},
          {Live, ["  "], "the prompt is empty"},
          {Live, ["--promt-file", "x"], "did you mean --prompt-file?"},
          {Live, ["--pipeline", bad, "hello"], "the key workflow is missing"},
          {Live, ["--prompt-file", "absent"], "no such file"},
          {Live, ["--prompt-file", latin], "is not UTF-8"},
          {Live, ["--prompt-file", latin, "words"], "not both"},
          {Live, ["--input", "codebase", "hello"], "expected NAME=FILE"},
          {Live, ["--input", "codebas=" <> latin, "hello"], "takes no input"},
          {Live, ["--seed", "-1", "hello"], "expected a whole number"},
          {Live, ["--rehearsal", "http://127.0.0.1", "hello"], "--rehearsal is not known"},
          {Generate, ["--rehearsal", "localhost", "hi"], "expected the address of a rehearsal"},
          {Generate, ["--pipeline", bad, "hi"], "the key workflow is missing"},
          {Check, [pipeline, "--json"], "--json is not known"}
        ] do
      ran = command(task, arguments)
      assert {arguments, ran.status, ran.stdout} == {arguments, 2, ""}
      assert ran.last =~ "❌ "
      assert ran.last =~ said
    end

    assert File.read!(there) == "mine"
  end

  test "a number in the environment that is none is told by its name" do
    for {name, value, least} <- [
          {"PIPELINE_RETRIES", "many", 0},
          {"PIPELINE_RETRY_BASE_MS", "-1", 0},
          {"PIPELINE_HTTP_TIMEOUT_MS", "0", 1},
          {"PIPELINE_HTTP_TIMEOUT_MS", "86400001", 1}
        ] do
      System.put_env(name, value)
      on_exit(fn -> System.delete_env(name) end)
      ran = command(Live, ["hello"])
      System.delete_env(name)
      assert ran.status == 2
      assert ran.last =~ "❌ usage: #{name}=#{value}: expected a whole number from #{least}"
    end
  end

  test "each command has its manual" do
    for {task, words} <- [
          {Run, "mix pipeline.run FILE"},
          {Check, "mix pipeline.check FILE"},
          {Generate, "--rehearsal"}
        ] do
      ran = command(task, ["--help"])
      assert ran.status == 0
      assert ran.stdout =~ words
    end
  end
end
