defmodule Pipeline.ServeCommandTest do
  @moduledoc "`mix pipeline.serve` as a process: how it begins, and how it ends."

  use ExUnit.Case, async: true

  import Pipeline.{Answers, Waiting}

  alias Pipeline.{CommandProcess, ScriptedProvider}

  @moduletag :tmp_dir

  defp start(folder, answers, options) do
    provider = start_supervised!({ScriptedProvider, answers})
    file = Path.join(folder, "token")
    File.write!(file, "the token")
    File.chmod!(file, 0o600)
    command = CommandProcess.start(folder, provider, ["pipeline.serve", "--token-file", "token" | options])
    printed = CommandProcess.said(command, ~r/Serving at \S+\n/u)
    [_, url] = Regex.run(~r/✅ Serving at (\S+)\n\z/u, printed)
    %{command: command, url: url, provider: provider}
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
    file = Path.join(folder, "token")
    File.write!(file, "the token")
    File.chmod!(file, 0o600)

    command =
      CommandProcess.start(folder, nil, ["pipeline.serve", "--token-file", "token", "--bind", "0.0.0.0"])

    assert CommandProcess.said(command, ~r/Serving at/) =~ "travel unencrypted"
    CommandProcess.signal(command, "TERM")
    assert {0, _, _} = CommandProcess.ended(command)
  end
end
