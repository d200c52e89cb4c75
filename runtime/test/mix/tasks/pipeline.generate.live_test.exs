defmodule Mix.Tasks.Pipeline.Generate.LiveTest do
  @moduledoc "Tests the command as a process in another working folder, which is how Workbench calls it."

  use ExUnit.Case, async: true

  import Pipeline.Answers

  alias Pipeline.ScriptedProvider

  @moduletag :tmp_dir

  defp mix(folder, server, arguments, environment \\ []) do
    environment =
      %{
        "MIX_EXS" => Path.expand("mix.exs"),
        "MIX_BUILD_PATH" => Pipeline.CommandProcess.build(),
        "MIX_ENV" => "prod",
        "LC_ALL" => "C",
        "GEMINI_API_KEY" => "secret-key",
        "PIPELINE_RETRIES" => "0",
        "GOOGLE_GEMINI_BASE_URL" => server && ScriptedProvider.url(server)
      }
      |> Map.merge(Map.new(environment))
      |> Enum.map(fn {name, value} -> "#{name}=#{value}" end)

    # Write standard error to a file, to keep it apart from standard output. `env` starts mix without a shell around the
    # arguments.
    script = Path.join(folder, "run.sh")
    File.write!(script, "#!/bin/sh\ncd \"$1\" && shift && exec env \"$@\" 2> stderr.txt\n")
    File.chmod!(script, 0o755)
    arguments = [folder] ++ environment ++ ["mix", "pipeline.generate.live"] ++ arguments
    {stdout, status} = System.cmd(script, arguments)
    %{stdout: stdout, stderr: File.read!(Path.join(folder, "stderr.txt")), status: status}
  end

  defp provider(answers), do: start_supervised!({ScriptedProvider, answers})

  defp sent_texts(server) do
    [%{body: %{"contents" => [%{"parts" => parts}]}}] = ScriptedProvider.requests(server)
    Enum.map(parts, & &1["text"])
  end

  defp files_of_command(folder),
    do: Path.wildcard(Path.join(folder, "**/*"), match_dot: true) -- files_of_test(folder)

  defp files_of_test(folder), do: Enum.map(["run.sh", "stderr.txt"], &Path.join(folder, &1))

  test "genesis sends the words of the prompt to the model and writes its reply to a new file", %{
    tmp_dir: folder
  } do
    server = provider([gemini("title: ü\n")])
    call = mix(folder, server, ["find", "the", "{{leak}} ü"])
    assert call.status == 0
    assert "find the {{leak}} ü" in sent_texts(server)
    assert [_, path] = Regex.run(~r/✅ Pipeline generated at (.+)\n\z/u, call.stdout)
    assert Path.type(path) == :absolute
    assert File.read!(path) == "title: ü\n"
    assert Enum.filter(files_of_command(folder), &File.regular?/1) == [path]
  end

  test "a long prompt file is sent unchanged, together with an input", %{tmp_dir: folder} do
    prompt = String.duplicate("Zeile mit ü und \"quotes\"\n", 9_000)
    File.write!(Path.join(folder, "prompt.md"), prompt)
    File.write!(Path.join(folder, "code.xml"), "<code/>")
    server = provider([gemini("```yaml\ntitle: fenced\n```\n")])
    options = ["--prompt-file", "prompt.md", "--output", "out/plan.yaml", "--input", "codebase=code.xml"]
    assert %{status: 0} = mix(folder, server, options)
    assert prompt in sent_texts(server)
    assert Enum.any?(sent_texts(server), &(&1 =~ "<code/>"))
    assert File.read!(Path.join(folder, "out/plan.yaml")) == "title: fenced\n"
  end

  test "a prompt after -- may begin with a dash", %{tmp_dir: folder} do
    server = provider([gemini("a: 1")])
    assert %{status: 0} = mix(folder, server, ["--output", "plan.yaml", "--", "--help me"])
    assert "--help me" in sent_texts(server)
  end

  test "an error of the provider leaves no file and ends with the line that programs read", %{
    tmp_dir: folder
  } do
    call =
      mix(folder, provider([error_reply(429, "secret-key: slow down")]), ["--output", "plan.yaml", "hello"])

    assert call.status == 1

    assert call.stderr |> String.split("\n", trim: true) |> List.last() ==
             "❌ rate limit: 127.0.0.1 answered 429: …: slow down"

    assert files_of_command(folder) == []
    refute call.stdout =~ "✅"
    refute call.stdout <> call.stderr =~ "secret-key"
  end

  test "a missing key is an error before anything is sent", %{tmp_dir: folder} do
    server = provider([])
    call = mix(folder, server, ["hello"], [{"GEMINI_API_KEY", ""}, {"GOOGLE_API_KEY", ""}])
    assert call.status == 1
    assert call.stderr =~ "❌ authentication: no key for gemini"
    assert ScriptedProvider.requests(server) == []
  end

  test "an output file that exists ends with exit status 2 and is left unchanged", %{tmp_dir: folder} do
    File.write!(Path.join(folder, "existing.yaml"), "mine")
    server = provider([])
    call = mix(folder, server, ["--output", "existing.yaml", "hello"])
    assert call.status == 2
    assert call.stderr =~ "exists already"
    assert File.read!(Path.join(folder, "existing.yaml")) == "mine"
    assert ScriptedProvider.requests(server) == []
  end

  test "a report lists what the steps used, even if the run failed", %{tmp_dir: folder} do
    server = provider([gemini("half", "MAX_TOKENS")])
    call = mix(folder, server, ["--output", "plan.yaml", "--report", "out/report.json", "hello"])
    assert call.status == 1
    assert {:ok, %{"steps" => [%{"status" => "failed"}], "usage" => usage}} = report(folder)

    assert [%{"provider" => "gemini", "model" => "gemini-3.8-flash", "thought_tokens" => 8000}] =
             usage["models"]

    assert %{"calls" => 1, "input_tokens" => 900, "output_tokens" => 40} = usage

    again = mix(folder, server, ["--output", "plan.yaml", "--report", "out/report.json", "hello"])
    assert again.status == 2
    assert again.stderr =~ "out/report.json exists already: name a new one with --report"
    assert length(ScriptedProvider.requests(server)) == 1
  end

  defp report(folder),
    do: folder |> Path.join("out/report.json") |> File.read!() |> Pipeline.Value.JSON.decode()
end
