defmodule Mix.Tasks.Pipeline.ServeTest do
  @moduledoc "Tests how `mix pipeline.serve` starts and ends, as a process."

  use ExUnit.Case, async: true

  import Pipeline.{Answers, Waiting}

  alias Pipeline.{CommandProcess, ScriptedProvider}

  @moduletag :tmp_dir

  defp start(folder, answers, options) do
    provider = start_supervised!({ScriptedProvider, answers})
    write_token(folder)
    command = CommandProcess.start(folder, provider, ["pipeline.serve", "--token-file", "token" | options])
    output = CommandProcess.output_until(command, ~r/Serving at \S+\n/u)
    [_, url] = Regex.run(~r/✅ Serving at (\S+)\n\z/u, output)
    %{command: command, url: url, provider: provider}
  end

  defp write_token(folder) do
    file = Path.join(folder, "token")
    File.write!(file, "the token")
    File.chmod!(file, 0o600)
  end

  # Start the command with standard error in a file. Its VM evaluates `code` when `evaluate/2` is called.
  defp start_and_evaluate(folder, code, options, environment \\ []) do
    write_token(folder)
    errors = Path.join(folder, "errors")
    wait = "Enum.find(Stream.repeatedly(fn -> Process.sleep(20) end), fn _ -> File.exists?(\"go\") end)"
    evaluation = ["do", "eval", "spawn(fn -> #{wait}; #{code} end)", "+"]
    arguments = evaluation ++ ["pipeline.serve", "--token-file", "token" | options]
    command = CommandProcess.start_with_stderr_in(errors, folder, arguments, environment)
    %{command: command, errors: fn -> if File.exists?(errors), do: File.read!(errors), else: "" end}
  end

  # Wait until the server is ready, then let it evaluate the code. Return the output so far.
  defp evaluate(server, folder) do
    output = CommandProcess.output_until(server.command, ~r/Serving at \S+\n/u)
    File.touch!(Path.join(folder, "go"))
    output
  end

  defp start_run(server) do
    genesis = File.read!(Pipeline.Generate.genesis())
    body = :jiffy.encode(%{pipeline: genesis, prompt: "hello"})
    {202, %{"id" => id}} = send_request(server, :post, "/runs", IO.iodata_to_binary(body))
    id
  end

  defp send_request(server, method, path, body \\ nil) do
    url = to_charlist(server.url <> path)
    headers = [{~c"authorization", ~c"Bearer the token"}, {~c"connection", ~c"close"}]
    request = if body, do: {url, headers, ~c"application/json", body}, else: {url, headers}
    {:ok, {{_, status, _}, _, text}} = :httpc.request(method, request, [], body_format: :binary)
    {status, :jiffy.decode(text, [:return_maps])}
  end

  test "after SIGTERM runs may end and be read, and the exit status is 0", %{tmp_dir: folder} do
    server = start(folder, [{:after, 1_000, gemini("a: 1")}], ["--drain-seconds", "60"])
    id = start_run(server)
    waiting = Task.async(fn -> send_request(server, :get, "/runs/#{id}?wait=10") end)
    until(fn -> ScriptedProvider.requests(server.provider) != [] end)
    CommandProcess.signal(server.command, "TERM")
    assert {200, %{"status" => "done", "text" => "a: 1"}} = Task.await(waiting, :infinity)
    assert {0, "", _} = CommandProcess.await_exit(server.command)
  end

  test "runs that outlast the drain are cut off with exit status 143; a second SIGTERM ends at once", %{
    tmp_dir: folder
  } do
    server = start(folder, [:hang], ["--drain-seconds", "0"])
    start_run(server)
    CommandProcess.signal(server.command, "TERM")
    assert {143, "", milliseconds} = CommandProcess.await_exit(server.command)
    # By default, the drain lasts for 30 seconds.
    assert milliseconds < 25_000
    stop_supervised!(ScriptedProvider)

    server = start(folder, [:hang], ["--drain-seconds", "120"])
    start_run(server)
    CommandProcess.signal(server.command, "TERM")
    # A signal that arrives while an equal signal waits is lost.
    until(fn -> match?({200, %{"runs" => %{"draining" => true}}}, send_request(server, :get, "/health")) end)
    CommandProcess.signal(server.command, "TERM")
    assert {143, "", milliseconds} = CommandProcess.await_exit(server.command)
    assert milliseconds < 40_000
  end

  test "a crash is logged without prompt, plan or key", %{tmp_dir: folder} do
    # The decoder of replies crashes at a part that is a text.
    server = start(folder, [{200, %{candidates: [%{content: %{parts: ["PLAN"]}}]}}], [])
    id = start_run(server)
    {200, %{"status" => "failed", "error" => error}} = send_request(server, :get, "/runs/#{id}?wait=10")
    CommandProcess.signal(server.command, "TERM")
    {0, output, _} = CommandProcess.await_exit(server.command)

    for secret <- ["hello", "PLAN", "secret-key", "the token"],
        do: refute(inspect(error) <> output =~ secret)
  end

  test "with --until-stdin-closes the server ends when its starter is gone", %{tmp_dir: folder} do
    server = start(folder, [], ["--until-stdin-closes"])
    Port.close(server.command.port)
    until(fn -> not File.exists?("/proc/#{server.command.os_pid}") end)
  end

  test "an address other than loopback causes a warning", %{tmp_dir: folder} do
    write_token(folder)

    command =
      CommandProcess.start(folder, nil, ["pipeline.serve", "--token-file", "token", "--bind", "0.0.0.0"])

    # The two streams are mixed, and either line may arrive first.
    CommandProcess.output_until(command, ~r/travel unencrypted.*Serving at|Serving at.*travel unencrypted/s)
    CommandProcess.signal(command, "TERM")
    assert {0, _, _} = CommandProcess.await_exit(command)
  end

  test "standard output has one line; a crash is logged on standard error", %{tmp_dir: folder} do
    server = start_and_evaluate(folder, "raise String.duplicate(\"x\", 3)", [])
    first_output = evaluate(server, folder)
    until(fn -> server.errors.() =~ "a process crashed" end)
    CommandProcess.signal(server.command, "TERM")
    assert {0, output, _} = CommandProcess.await_exit(server.command)
    assert first_output <> output =~ ~r/\A✅ Serving at \S+\n\z/u
  end

  # PORT is a port that another socket uses.
  for {name, options, environment, reason} <- [
        {"a port in use", ["--port", "PORT"], [],
         "❌ usage: cannot listen at 127.0.0.1, port PORT: address already in use"},
        {"an address of another machine", ["--bind", "10.9.9.9"], [],
         "❌ usage: cannot listen at 10.9.9.9, port 0"},
        {"a wrong number in the environment", [], [{"PIPELINE_RETRIES", "abc"}],
         "❌ usage: PIPELINE_RETRIES=abc: expected a whole number"},
        {"an address with a password", [], [{"ANTHROPIC_BASE_URL", "http://user:hunter2@127.0.0.1:1"}],
         "❌ usage: ANTHROPIC_BASE_URL: expected"},
        {"an address without a scheme", [], [{"GOOGLE_GEMINI_BASE_URL", "localhost:8080"}],
         "❌ usage: GOOGLE_GEMINI_BASE_URL: expected"}
      ] do
    test "#{name} is one error line at the start, with exit status 2", %{tmp_dir: folder} do
      {:ok, listener} = :gen_tcp.listen(0, ip: {127, 0, 0, 1})
      {:ok, port} = :inet.port(listener)
      with_port = &String.replace(&1, "PORT", "#{port}")
      options = Enum.map(unquote(options), with_port)
      server = start_and_evaluate(folder, ":ok", options, unquote(environment))
      assert {2, "", _} = CommandProcess.await_exit(server.command)
      last_line = server.errors.() |> String.trim() |> String.split("\n") |> List.last()
      assert last_line =~ with_port.(unquote(reason))
      refute server.errors.() =~ "** ("
      refute server.errors.() =~ "hunter2"
    end
  end

  test "a server that crashes reports it and ends with exit status 1", %{tmp_dir: folder} do
    server = start_and_evaluate(folder, "Process.exit(Process.whereis(Pipeline.Serve.Runs), :kill)", [])
    assert "✅ Serving" <> _ = evaluate(server, folder)
    assert {1, "", _} = CommandProcess.await_exit(server.command)
    assert server.errors.() =~ ~r/❌ crashed: the server crashed and its runs are lost: start it again\n\z/u
    refute server.errors.() =~ "** ("
  end
end
