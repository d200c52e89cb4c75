defmodule Mix.Tasks.Pipeline.ServeTest do
  @moduledoc "`mix pipeline.serve` as a process: how it begins, and how it ends."

  use ExUnit.Case, async: true

  import Pipeline.{Answers, Waiting}

  alias Pipeline.{CommandProcess, ScriptedProvider}

  @moduletag :tmp_dir

  defp start(folder, answers, options) do
    provider = start_supervised!({ScriptedProvider, answers})
    token(folder)
    command = CommandProcess.start(folder, provider, ["pipeline.serve", "--token-file", "token" | options])
    printed = CommandProcess.said(command, ~r/Serving at \S+\n/u)
    [_, url] = Regex.run(~r/✅ Serving at (\S+)\n\z/u, printed)
    %{command: command, url: url, provider: provider}
  end

  defp token(folder) do
    file = Path.join(folder, "token")
    File.write!(file, "the token")
    File.chmod!(file, 0o600)
  end

  # What the command prints on its two streams until it ends, with something else done in its VM after a second.
  defp apart(folder, code, options, environment \\ []) do
    token(folder)
    errors = Path.join(folder, "errors")
    later = ["do", "eval", "spawn(fn -> Process.sleep(1_000); #{code} end)", "+"]
    arguments = later ++ ["pipeline.serve", "--token-file", "token" | options]
    command = CommandProcess.start_apart(folder, errors, arguments, environment)
    %{command: command, errors: fn -> if File.exists?(errors), do: File.read!(errors), else: "" end}
  end

  defp begin(server, more \\ "") do
    genesis = File.read!(Pipeline.Generate.genesis())
    pipeline = String.replace(genesis, "type: gemini", "type: gemini\n      #{more}")
    body = :jiffy.encode(%{pipeline: pipeline, prompt: "hello"})
    {202, %{"id" => id}} = ask(server, :post, "/runs", IO.iodata_to_binary(body))
    id
  end

  defp ask(server, method, path, body \\ nil) do
    url = to_charlist(server.url <> path)
    headers = [{~c"authorization", ~c"Bearer the token"}, {~c"connection", ~c"close"}]
    request = if body, do: {url, headers, ~c"application/json", body}, else: {url, headers}
    {:ok, {{_, status, _}, _, text}} = :httpc.request(method, request, [], body_format: :binary)
    {status, :jiffy.decode(text, [:return_maps])}
  end

  test "SIGTERM lets runs end and be read, and then it ends well", %{tmp_dir: folder} do
    server = start(folder, [{:after, 1_000, gemini("a: 1")}], ["--drain-seconds", "10"])
    id = begin(server)
    waiting = Task.async(fn -> ask(server, :get, "/runs/#{id}?wait=10") end)
    until(fn -> ScriptedProvider.requests(server.provider) != [] end)
    CommandProcess.signal(server.command, "TERM")
    assert {200, %{"status" => "done", "text" => "a: 1"}} = Task.await(waiting)
    assert {0, "", _} = CommandProcess.ended(server.command)
  end

  test "runs that take longer are cut off, which is told; a second SIGTERM waits for nothing", %{
    tmp_dir: folder
  } do
    server = start(folder, [:hang], ["--drain-seconds", "0"])
    begin(server)
    CommandProcess.signal(server.command, "TERM")
    assert {143, "", milliseconds} = CommandProcess.ended(server.command)
    assert milliseconds < 2_000
    stop_supervised!(ScriptedProvider)

    server = start(folder, [:hang], ["--drain-seconds", "60"])
    begin(server)
    for _ <- 1..2, do: CommandProcess.signal(server.command, "TERM")
    assert {143, "", milliseconds} = CommandProcess.ended(server.command)
    assert milliseconds < 2_000
  end

  test "a crash is logged without prompt, plan or key", %{tmp_dir: folder} do
    # What decodes a reply of this shape was not written for it.
    server = start(folder, [{200, %{candidates: [%{content: %{parts: ["PLAN"]}}]}}], [])
    id = begin(server)
    {200, %{"status" => "failed", "error" => error}} = ask(server, :get, "/runs/#{id}?wait=10")
    CommandProcess.signal(server.command, "TERM")
    {0, printed, _} = CommandProcess.ended(server.command)

    for secret <- ["hello", "PLAN", "secret-key", "the token"],
        do: refute(inspect(error) <> printed =~ secret)
  end

  test "it ends when whoever started it is gone", %{tmp_dir: folder} do
    server = start(folder, [], ["--until-stdin-closes"])
    Port.close(server.command.port)
    until(fn -> not File.exists?("/proc/#{server.command.os_pid}") end)
  end

  test "elsewhere than on loopback it warns", %{tmp_dir: folder} do
    token(folder)

    command =
      CommandProcess.start(folder, nil, ["pipeline.serve", "--token-file", "token", "--bind", "0.0.0.0"])

    assert CommandProcess.said(command, ~r/Serving at/) =~ "travel unencrypted"
    CommandProcess.signal(command, "TERM")
    assert {0, _, _} = CommandProcess.ended(command)
  end

  test "standard output is the one line, a crash is logged on standard error", %{tmp_dir: folder} do
    server = apart(folder, "raise String.duplicate(\"x\", 3)", [])
    until(fn -> server.errors.() =~ "a process crashed" end)
    CommandProcess.signal(server.command, "TERM")
    assert {0, printed, _} = CommandProcess.ended(server.command)
    assert printed =~ ~r/\A✅ Serving at \S+\n\z/u
  end

  test "what is wrong at the start is told in one line, with 2", %{tmp_dir: folder} do
    {:ok, taken} = :gen_tcp.listen(0, ip: {127, 0, 0, 1})
    {:ok, port} = :inet.port(taken)

    for {options, environment, reason} <- [
          {["--port", "#{port}"], [],
           "❌ usage: cannot listen at 127.0.0.1, port #{port}: address already in use"},
          {["--bind", "10.9.9.9"], [], "❌ usage: cannot listen at 10.9.9.9, port 0"},
          {[], [{"PIPELINE_RETRIES", "abc"}], "❌ usage: PIPELINE_RETRIES=abc: expected a whole number"},
          {[], [{"ANTHROPIC_BASE_URL", "http://user:hunter2@127.0.0.1:1"}],
           "❌ usage: ANTHROPIC_BASE_URL: expected"},
          {[], [{"GOOGLE_GEMINI_BASE_URL", "localhost:8080"}], "❌ usage: GOOGLE_GEMINI_BASE_URL: expected"}
        ] do
      server = apart(folder, ":ok", options, environment)
      assert {2, "", _} = CommandProcess.ended(server.command)
      assert server.errors.() |> String.trim() |> String.split("\n") |> List.last() =~ reason
      refute server.errors.() =~ "** ("
      refute server.errors.() =~ "hunter2"
    end
  end

  test "a server that goes down says so, and ends with 1", %{tmp_dir: folder} do
    server = apart(folder, "Process.exit(Process.whereis(Pipeline.Serve.Runs), :kill)", [])
    assert {1, "✅ Serving" <> _, _} = CommandProcess.ended(server.command)
    assert server.errors.() =~ ~r/❌ crashed: the server crashed, and what ran is lost\n\z/u
    refute server.errors.() =~ "** ("
  end
end
