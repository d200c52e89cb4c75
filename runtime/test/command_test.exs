defmodule Pipeline.CommandTest do
  @moduledoc "The commands, called as Mix calls them; one process for each is what mix/tasks/ has."

  use ExUnit.Case, async: false

  import ExUnit.CaptureIO
  import Pipeline.Answers

  alias Mix.Tasks.Pipeline.{Check, Generate, Run}
  alias Mix.Tasks.Pipeline.Generate.Live
  alias Pipeline.ScriptedProvider
  alias Pipeline.Value.JSON

  @moduletag :tmp_dir

  @pipeline """
  workflow:
    name: greeting
    description: says hello
    colour: blue
    steps:
      - name: hello
        type: gemini
        output_to_file: texts/hello.md
        prompt:
          - {type: static, content: "Say hello to:"}
          - {type: variable, name: who}
      - name: note
        type: file_ops
        operation: write
        path: note.md
        content: [{type: previous_response, step: hello}]
      - name: rating
        type: claude_extract
        schema: {type: object, properties: {score: {type: integer}}}
        prompt: [{type: previous_response, step: hello}]
  """

  # Its two streams and its exit status.
  defp command(task, arguments) do
    status = make_ref()

    stderr =
      capture_io(:stderr, fn ->
        stdout =
          capture_io(fn ->
            code =
              try do
                task.run(arguments)
                0
              catch
                :exit, {:shutdown, code} -> code
              end

            send(self(), {status, code})
          end)

        send(self(), {status, :stdout, stdout})
      end)

    assert_received {^status, code}
    assert_received {^status, :stdout, stdout}

    %{
      status: code,
      stdout: stdout,
      stderr: stderr,
      last: stderr |> String.split("\n", trim: true) |> List.last()
    }
  end

  defp file(folder, name, text) do
    path = Path.join(folder, name)
    File.write!(path, text)
    path
  end

  defp provider(answers), do: start_supervised!({ScriptedProvider, answers})

  test "run executes a file with variables and leaves all that came of it", %{tmp_dir: folder} do
    server = provider([gemini("hello ü"), claude(~s({"score": 9}))])
    pipeline = file(folder, "p.yaml", @pipeline)
    vars = file(folder, "vars.json", ~s({"who": "nobody", "other": [1]}))
    out = Path.join(folder, "out")

    ran =
      command(
        Run,
        [pipeline, "--var", "who={{you}}=me", "--vars-file", vars, "--output-dir", out] ++ rehearsal(server)
      )

    assert ran.status == 0
    assert ran.stdout == "✅ Pipeline completed: #{out}/result.json\n"
    assert ran.stderr == "warning: #{pipeline}:4: workflow.colour: is not known here and has no effect\n"
    assert {:ok, result} = JSON.decode(File.read!(Path.join(out, "result.json")))
    assert result["answers"] == %{"hello" => "hello ü", "note" => "note.md", "rating" => %{"score" => 9}}
    assert [%{"name" => "hello", "status" => "done", "usage" => %{"calls" => 1}}, _, _] = result["steps"]
    assert result["usage"]["calls"] == 2
    assert result["files"] == [Path.join(out, "texts/hello.md")]
    assert File.read!(Path.join(out, "texts/hello.md")) == "hello ü"
    assert File.read!(Path.join(result["workspace"], "note.md")) == "hello ü"
    assert Path.dirname(result["workspace"]) == Path.join(folder, "workspaces")
    assert [asked, claude] = ScriptedProvider.requests(server)
    assert inspect(asked.body) =~ "{{you}}=me"
    assert asked.headers["x-goog-api-key"] == "no-key-in-rehearsal"
    assert claude.headers["x-api-key"] == "no-key-in-rehearsal"
  end

  test "run --json prints one object and nothing else on standard output", %{tmp_dir: folder} do
    text = "workflow: {name: a, steps: [{name: one, type: set_variable, variable: x, value: [1, null]}]}"
    out = Path.join(folder, "out")
    ran = command(Run, [file(folder, "p.yaml", text), "--json", "--output-dir", out])
    assert {:ok, %{"answers" => %{"one" => %{"x" => [1, nil]}}, "workspace" => nil}} = JSON.decode(ran.stdout)
    assert ran.stdout == File.read!(Path.join(out, "result.json"))
    refute File.exists?(Path.join(folder, "workspaces"))
  end

  test "a failed step is exit status 1, and leaves no result", %{tmp_dir: folder} do
    server = provider([refused(400, "no such model")])
    out = Path.join(folder, "out")
    options = ["--var", "who=x", "--output-dir", out] ++ rehearsal(server)
    ran = command(Run, [file(folder, "p.yaml", @pipeline) | options])
    assert ran.status == 1
    assert ran.stdout == ""
    assert ran.last =~ "❌ bad request: "
    refute File.exists?(Path.join(out, "result.json"))
  end

  test "what was paid is told of a run that fails: as JSON, or in lines", %{tmp_dir: folder} do
    pipeline = file(folder, "p.yaml", @pipeline)
    {200, said} = gemini("hello")
    paid = {200, Map.put(said, :usageMetadata, %{promptTokenCount: 1_000_000, candidatesTokenCount: 10})}
    server = provider([paid, refused(400, "no"), paid, refused(400, "no")])
    options = fn name -> ["--var", "who=x", "--output-dir", Path.join(folder, name)] ++ rehearsal(server) end

    ran = command(Run, [pipeline, "--json" | options.("a")])
    assert {:ok, told} = JSON.decode(ran.stdout)
    assert %{"kind" => "bad_request", "message" => _} = told["error"]
    assert %{"calls" => 1, "input_tokens" => 1_000_000} = told["usage"]

    assert [%{"name" => "hello", "status" => "done"}, _, %{"name" => "rating", "status" => "failed"}] =
             told["steps"]

    assert {ran.status, ran.last =~ "❌ bad request: "} == {1, true}

    ran = command(Run, [pipeline | options.("b")])
    assert ran.stdout == ""
    assert ran.stderr =~ "used by hello: 1 call, 1000000 tokens in, 10 out, $0.3000\n❌ bad request: "
  end

  test "a place that takes no file is told before a model is paid", %{tmp_dir: folder} do
    server = provider([])
    pipeline = file(folder, "p.yaml", String.replace(@pipeline, "name: who", "name: user_prompt"))
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

  test "a name as long as a folder takes is written", %{tmp_dir: folder} do
    server = provider([gemini("hello"), claude(~s({"score": 1}))])
    pipeline = file(folder, "p.yaml", String.replace(@pipeline, "name: who", "name: user_prompt"))
    output = Path.join(folder, String.duplicate("x", 245) <> ".yaml")
    ran = command(Generate, ["--pipeline", pipeline, "--output", output, "greet me"] ++ rehearsal(server))
    assert ran.status == 0
    assert File.regular?(output)
  end

  test "check tells all reasons, one a line, and exits with 1; warnings alone with 0", %{tmp_dir: folder} do
    good = file(folder, "good.yaml", @pipeline)
    ran = command(Check, [good])
    assert {ran.status, ran.stdout} == {0, "✅ Pipeline valid: #{good}\n"}
    assert ran.stderr =~ "warning: #{good}:4: workflow.colour"

    bad =
      file(folder, "bad.yaml", @pipeline |> String.replace("gemini", "gemni") |> String.replace("who", "[]"))

    ran = command(Check, [bad])
    assert ran.stderr =~ ~s(#{bad}:7: steps[0].type: "gemni" is not known)
    assert ran.stderr =~ ~s(#{bad}:11: steps[0].prompt[1].name: expected a text)
    assert ran.last == "❌ pipeline: #{bad}: 2 to be mended"
    assert command(Check, [Path.join(folder, "absent.yaml")]).status == 1
  end

  test "generate asks the rehearsal, with no key, and runs pipelines that work on files", %{tmp_dir: folder} do
    server = provider([gemini("hello"), claude(~s({"score": 1}))])
    pipeline = file(folder, "p.yaml", String.replace(@pipeline, "name: who", "name: user_prompt"))
    output = Path.join(folder, "plan.yaml")
    ran = command(Generate, ["--pipeline", pipeline, "--output", output, "greet me"] ++ rehearsal(server))
    assert {ran.status, ran.stdout} == {0, "✅ Pipeline generated at #{output}\n"}
    assert ran.stderr =~ ~r/^used by hello: 1 call, .*\nused by rating: 1 call, .*\nused in all: 2 calls, /m
    assert File.read!(output) == ~s({"score": 1})
    assert File.read!(Path.join(folder, "plan_files/texts/hello.md")) == "hello"
    assert [asked, _] = ScriptedProvider.requests(server)
    assert asked.headers["x-goog-api-key"] == "no-key-in-rehearsal"
  end

  test "what the user can mend is exit status 2, and costs nothing", %{tmp_dir: folder} do
    pipeline = file(folder, "p.yaml", @pipeline)
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

  test "a variable that no step takes is told, and MIX_QUIET silences nothing that was asked for", %{
    tmp_dir: folder
  } do
    text = """
    workflow:
      name: a
      steps:
        - {name: one, type: set_variable, variable: x, value: 1, condition: vars.wanted}
        - {name: two, type: set_variable, variable: y, from: {type: variable, name: taken}}
    """

    shell = Mix.shell()
    Mix.shell(Mix.Shell.Quiet)
    on_exit(fn -> Mix.shell(shell) end)
    variables = for name <- ~w(taken wanted untaken), word <- ["--var", "#{name}=1"], do: word
    out = Path.join(folder, "out")
    ran = command(Run, [file(folder, "p.yaml", text), "--json", "--output-dir", out | variables])
    assert ran.status == 0
    assert ran.stderr == "warning: --var untaken has no effect: no step takes the variable\n"
    assert {:ok, %{"reply" => _}} = JSON.decode(ran.stdout)
    ran = command(Run, [file(folder, "p.yaml", text), "--json", "--output-dir", Path.join(folder, "other")])
    assert ran.status == 2
    assert {:ok, %{"error" => %{"message" => message}}} = JSON.decode(ran.stdout)
    assert message =~ ~s(needs the variable "taken")
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

  defp rehearsal(server), do: ["--rehearsal", ScriptedProvider.url(server)]
end
