defmodule Mix.Tasks.Pipeline.RunTest do
  use ExUnit.Case, async: false

  import Pipeline.Answers
  import Pipeline.CommandCall

  alias Mix.Tasks.Pipeline.Run
  alias Pipeline.ScriptedProvider
  alias Pipeline.Value.JSON

  @moduletag :tmp_dir

  test "run executes a file with variables and writes all results to files", %{tmp_dir: folder} do
    server = provider([gemini("hello ü"), claude(~s({"score": 9}))])
    pipeline = file(folder, "p.yaml", greeting())
    vars = file(folder, "vars.json", ~s({"who": "nobody", "other": [1]}))
    out = Path.join(folder, "out")

    call =
      command(
        Run,
        [pipeline, "--var", "who={{you}}=me", "--vars-file", vars, "--output-dir", out] ++ rehearsal(server)
      )

    assert call.status == 0
    assert call.stdout == "✅ Pipeline completed: #{out}/result.json\n"
    assert call.stderr == "warning: #{pipeline}:4: workflow.colour: is not known here and has no effect\n"
    assert {:ok, result} = JSON.decode(File.read!(Path.join(out, "result.json")))
    assert result["answers"] == %{"hello" => "hello ü", "note" => "note.md", "rating" => %{"score" => 9}}
    assert [%{"name" => "hello", "status" => "done", "usage" => %{"calls" => 1}}, _, _] = result["steps"]
    assert result["usage"]["calls"] == 2
    assert result["files"] == [Path.join(out, "texts/hello.md")]
    assert File.read!(Path.join(out, "texts/hello.md")) == "hello ü"
    assert File.read!(Path.join(result["workspace"], "note.md")) == "hello ü"
    assert Path.dirname(result["workspace"]) == Path.join(folder, "workspaces")
    assert [gemini_request, claude_request] = ScriptedProvider.requests(server)
    assert inspect(gemini_request.body) =~ "{{you}}=me"
    assert gemini_request.headers["x-goog-api-key"] == "no-key-in-rehearsal"
    assert claude_request.headers["x-api-key"] == "no-key-in-rehearsal"
  end

  test "run --json prints one object and nothing else on standard output", %{tmp_dir: folder} do
    text = "workflow: {name: a, steps: [{name: one, type: set_variable, variable: x, value: [1, null]}]}"
    out = Path.join(folder, "out")
    call = command(Run, [file(folder, "p.yaml", text), "--json", "--output-dir", out])

    assert {:ok, %{"answers" => %{"one" => %{"x" => [1, nil]}}, "workspace" => nil}} =
             JSON.decode(call.stdout)

    assert call.stdout == File.read!(Path.join(out, "result.json"))
    refute File.exists?(Path.join(folder, "workspaces"))
  end

  test "a failed step ends with exit status 1 and leaves no result.json", %{tmp_dir: folder} do
    server = provider([error_reply(400, "no such model")])
    out = Path.join(folder, "out")
    options = ["--var", "who=x", "--output-dir", out] ++ rehearsal(server)
    call = command(Run, [file(folder, "p.yaml", greeting()) | options])
    assert call.status == 1
    assert call.stdout == ""
    assert call.last =~ "❌ bad request: "
    refute File.exists?(Path.join(out, "result.json"))
  end

  test "a run that fails reports what its steps used: as JSON or in lines", %{tmp_dir: folder} do
    pipeline = file(folder, "p.yaml", greeting())
    paid = gemini("hello")
    server = provider([paid, error_reply(400, "no"), paid, error_reply(400, "no")])
    options = fn name -> ["--var", "who=x", "--output-dir", Path.join(folder, name)] ++ rehearsal(server) end

    call = command(Run, [pipeline, "--json" | options.("a")])
    assert {:ok, report} = JSON.decode(call.stdout)
    assert %{"kind" => "bad_request", "message" => _} = report["error"]
    assert %{"calls" => 1, "input_tokens" => 900, "models" => [model]} = report["usage"]
    assert %{"provider" => "gemini", "asked" => "gemini-3.8-flash", "output_tokens" => 40} = model
    refute Map.has_key?(report["usage"], "cost")

    assert [%{"name" => "hello", "status" => "done"}, _, %{"name" => "rating", "status" => "failed"}] =
             report["steps"]

    assert {call.status, call.last =~ "❌ bad request: "} == {1, true}

    call = command(Run, [pipeline | options.("b")])
    assert call.stdout == ""

    assert call.stderr =~
             "used by hello: 1 call of gemini-3.8-flash, 900 input tokens, 40 output tokens, " <>
               "8000 thought tokens\n❌ bad request: "
  end

  test "a run says which model answered in place of another", %{tmp_dir: folder} do
    text = "workflow: {name: a, steps: [{name: one, type: gemini, prompt: [{type: static, content: x}]}]}"
    {200, reply} = gemini("hello")
    server = provider([{200, Map.put(reply, :modelVersion, "gemini-2.5-flash")}])
    out = Path.join(folder, "out")
    call = command(Run, [file(folder, "p.yaml", text), "--json", "--output-dir", out | rehearsal(server)])
    assert call.status == 0

    assert call.stderr ==
             "warning: step one: asked the model gemini-3.8-flash, and gemini-2.5-flash answered\n"

    assert {:ok, %{"usage" => %{"models" => [model]}}} = JSON.decode(call.stdout)
    assert %{"asked" => "gemini-3.8-flash", "model" => "gemini-2.5-flash"} = model
  end

  test "a --var that no step takes causes a warning, and MIX_QUIET does not silence the output", %{
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
    call = command(Run, [file(folder, "p.yaml", text), "--json", "--output-dir", out | variables])
    assert call.status == 0
    assert call.stderr == "warning: --var untaken has no effect: no step takes the variable\n"
    assert {:ok, %{"reply" => _}} = JSON.decode(call.stdout)
    call = command(Run, [file(folder, "p.yaml", text), "--json", "--output-dir", Path.join(folder, "other")])
    assert call.status == 2
    assert {:ok, %{"error" => %{"message" => message}}} = JSON.decode(call.stdout)
    assert message =~ ~s(needs the variable "taken")
  end
end
