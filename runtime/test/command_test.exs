defmodule Pipeline.CommandTest do
  @moduledoc "Tests what all commands share, by calling them as Mix does. The tests of each command are in mix/tasks/."

  use ExUnit.Case, async: false

  import Pipeline.CommandCall

  alias Mix.Tasks.Pipeline.{Check, Generate, Run}
  alias Mix.Tasks.Pipeline.Generate.Live
  alias Pipeline.ScriptedProvider

  @moduletag :tmp_dir

  test "an output path that cannot be written is an error before a model is asked", %{tmp_dir: folder} do
    server = provider([])
    pipeline = file(folder, "p.yaml", String.replace(greeting(), "name: who", "name: user_prompt"))
    long = Path.join(folder, String.duplicate("x", 256))

    for output <- ["/proc/x/plan.yaml", Path.join(pipeline, "plan.yaml"), long] do
      call = command(Generate, ["--pipeline", pipeline, "--output", output, "greet me"] ++ rehearsal(server))
      assert {call.status, call.stdout} == {1, ""}
      assert call.last =~ "❌ write: #{output}"
    end

    options = ["--var", "user_prompt=x", "--output-dir", "/proc/x"] ++ rehearsal(server)
    assert command(Run, [pipeline | options]).last =~ "❌ write: /proc/x/result.json"
    assert ScriptedProvider.requests(server) == []
  end

  test "a mistake of the user ends with exit status 2 before a model is asked", %{tmp_dir: folder} do
    pipeline = file(folder, "p.yaml", greeting())
    bad = file(folder, "bad.yaml", "steps: []")
    vars = file(folder, "vars.yaml", "- 1")
    existing = file(folder, "result.json", "mine")
    latin = file(folder, "latin", <<0xE4>>)

    for {task, arguments, reason} <- [
          {Run, [], "the pipeline file is missing"},
          {Run, [pipeline, "more"], ~s("more" is one word too many: expected one pipeline file)},
          {Run, [bad], "the key workflow is missing"},
          {Run, [pipeline, "--vra", "a=b"], "--vra is not known; did you mean --var?"},
          {Run, [pipeline, "--var"], "--var needs a value"},
          {Run, [pipeline, "--seed", "x"], ~s(--seed does not take the value "x")},
          {Run, [pipeline, "--var", "=b"], "expected NAME=VALUE"},
          {Run, [pipeline, "--var", "a=1", "--var", "a=2"], "--var a is given twice"},
          {Run, [pipeline, "--vars-file", vars], "expected one mapping"},
          {Run, [pipeline, "--vars-file", "absent"], "no such file"},
          {Run, [pipeline, "--output-dir", folder], "#{existing} exists already"},
          {Run, [pipeline, "--input", "x=y", "--output-dir", Path.join(folder, "o")], "takes no input"},
          {Live, [], "the prompt is missing"},
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
      call = command(task, arguments)
      assert {arguments, call.status, call.stdout} == {arguments, 2, ""}
      assert call.last =~ "❌ "
      assert call.last =~ reason
    end

    assert File.read!(existing) == "mine"
  end

  test "an environment variable with a wrong number is named in the error" do
    for {name, value, minimum} <- [
          {"PIPELINE_RETRIES", "many", 0},
          {"PIPELINE_RETRY_BASE_MS", "-1", 0},
          {"PIPELINE_HTTP_TIMEOUT_MS", "0", 1},
          {"PIPELINE_HTTP_TIMEOUT_MS", "86400001", 1}
        ] do
      System.put_env(name, value)
      on_exit(fn -> System.delete_env(name) end)
      call = command(Live, ["hello"])
      System.delete_env(name)
      assert call.status == 2
      assert call.last =~ "❌ usage: #{name}=#{value}: expected a whole number from #{minimum}"
    end
  end

  test "each command prints its help with --help" do
    for {task, excerpt} <- [
          {Run, "mix pipeline.run FILE"},
          {Check, "mix pipeline.check FILE"},
          {Generate, "--rehearsal"}
        ] do
      call = command(task, ["--help"])
      assert call.status == 0
      assert call.stdout =~ excerpt
    end
  end
end
