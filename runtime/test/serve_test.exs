defmodule Pipeline.ServeTest do
  @moduledoc "Tests the server over real HTTP, with a scripted provider."

  use ExUnit.Case, async: false

  import Pipeline.{Answers, ServeCalls, Waiting}

  alias Pipeline.{ScriptedProvider, Serve}

  setup :set_environment

  test "a run can be started and waited for, and returns its text, its steps and its usage" do
    server = start_server([gemini("```yaml\ntitle: ü\n```")])
    id = start_run(server, %{seed: 7, inputs: %{codebase: "<code/>"}})
    run = await_run(server, id)
    assert %{"status" => "done", "text" => "title: ü\n", "usage" => %{"calls" => _}, "seconds" => _} = run

    assert [%{"name" => "write_plan", "status" => "done", "usage" => %{"calls" => 1}, "seconds" => _}] =
             run["steps"]

    assert [%{body: body}] = ScriptedProvider.requests(server.provider)
    assert body["generationConfig"]["seed"] == 7
    texts = for %{"parts" => parts} <- body["contents"], %{"text" => text} <- parts, do: text
    assert "Write {{a}} plan" in texts
    assert "<file name=\"codebase\">\n<code/>\n</file>" in texts
    assert await_run(server, id) == run
  end

  test "variables may have any name, and files are read relative to the pipeline's name" do
    pipeline = """
    workflow:
      name: two
      steps:
        - name: one
          type: gemini
          prompt:
            - {type: variable, name: word}
            - {type: file, path: mix.exs}
    """

    server = start_server([gemini("a: 1")])
    body = %{pipeline: pipeline, vars: %{word: "hello"}, name: Path.expand("pipeline.yaml")}
    assert {202, %{"id" => id}, _} = send_request(server, :post, "/runs", body)
    assert %{"status" => "done"} = await_run(server, id)
    assert [%{body: %{"contents" => [%{"parts" => parts}]}}] = ScriptedProvider.requests(server.provider)
    assert [%{"text" => "hello"}, %{"text" => "<file name=\"mix.exs\">" <> _}] = parts
  end

  test "a run has its own workspace and output files, and they are removed at its end" do
    pipeline = """
    workflow:
      name: files
      steps:
        - name: keep
          type: gemini
          output_to_file: notes/answer.md
          prompt: [{type: variable, name: user_prompt}]
        - name: write
          type: file_ops
          operation: write
          path: a.txt
          content: hello
        - name: read
          type: file_ops
          operation: read
          path: a.txt
    """

    server = start_server([gemini("an answer")])
    id = start_run(server, %{pipeline: pipeline})
    run = await_run(server, id)
    assert %{"status" => "done", "text" => "hello", "files" => %{"notes/answer.md" => "an answer"}} = run

    # The folder has this name, as the last test of this file shows. Other programs may make folders beside it.
    refute File.exists?(run_folder(id))
  end

  test "a request with a key is executed once, and a different request with this key is refused" do
    server = start_server([gemini("a: 1")])
    id = start_run(server, %{key: "one"})
    assert {200, %{"id" => ^id}, _} = send_request(server, :post, "/runs", run_request(%{key: "one"}))
    assert %{"status" => "done"} = await_run(server, id)

    assert {200, %{"id" => ^id, "status" => "done"}, _} =
             send_request(server, :post, "/runs", run_request(%{key: "one"}))

    for other <- [%{seed: 1}, %{name: "elsewhere/pipeline.yaml"}, %{timeout_ms: 1_000}, %{prompt: "x"}] do
      assert {409, %{"error" => %{"kind" => "conflict"}}, _} =
               send_request(server, :post, "/runs", run_request(Map.put(other, :key, "one")))
    end

    assert [_] = ScriptedProvider.requests(server.provider)
  end

  test "without the token only /health is answered" do
    server = start_server([])

    for token <- [nil, "", "the toke", "the tokens", "THE TOKEN"],
        {method, path, body} <- [
          {:post, "/runs", run_request()},
          {:get, "/runs/1", nil},
          {:delete, "/runs/1", nil}
        ] do
      assert {401, %{"error" => %{"kind" => "authentication"}}, _} =
               send_request(server, method, path, body, token)
    end

    assert {200, %{"version" => "0" <> _, "processes" => _, "providers" => %{"gemini" => "http" <> _}}, _} =
             send_request(server, :get, "/health", nil, nil)
  end

  test "a wrong request is refused with the reason before a model is asked" do
    server = start_server([])
    wrong = "workflow: {name: x, steps: [{name: a, type: gemni, prompt: []}]}"

    for {body, status, reason} <- [
          {run_request(%{pipeline: wrong}), 422, ~s(did you mean "gemini")},
          {Map.delete(run_request(), :prompt), 422, "the key prompt is missing"},
          {Map.delete(run_request(), :pipeline), 422, "the key pipeline is missing"},
          {run_request(%{prompt: " "}), 422, "prompt: expected a text"},
          {run_request(%{seed: -1}), 422, "seed: expected"},
          {run_request(%{inputs: %{codebase: 1}}), 422, "inputs: expected"},
          {run_request(%{timeout_ms: 0}), 422, "timeout_ms: expected"},
          {run_request(%{promt: "x"}), 422, ~s(the key "promt" is not known)},
          {"[1]", 400, "not a JSON object"},
          {"{", 400, "not a JSON object"},
          {<<"{\"prompt\": \"", 0xFF, "\"}">>, 400, "not a JSON object"}
        ] do
      assert {^status, %{"error" => %{"message" => message}}, _} = send_request(server, :post, "/runs", body)
      assert message =~ reason
    end

    assert {404, _, _} = send_request(server, :get, "/nothing")
    assert {404, _, _} = send_request(server, :get, "/runs/absent")
    assert {404, _, _} = send_request(server, :delete, "/runs/absent")
    assert {405, _, %{~c"allow" => ~c"POST"}} = send_request(server, :get, "/runs")
    assert {400, _, _} = send_request(server, :get, "/runs/absent?wait=long")
    assert {400, _, _} = send_request(server, :get, "/runs/absent?wait=#{String.duplicate("9", 400)}.5")
    assert {404, _, _} = send_request(server, :get, "/runs/absent?wait=#{String.duplicate("9", 400)}")
    assert ScriptedProvider.requests(server.provider) == []
  end

  test "an error of a provider is an error of the run, with its kind and without the key" do
    server = start_server(List.duplicate(error_reply(400, "secret-key: no such model"), 1))
    assert %{"status" => "failed", "error" => error} = run = await_run(server, start_run(server))
    assert %{"steps" => [%{"status" => "failed"}], "usage" => %{"calls" => 0}} = run
    assert %{"kind" => "bad_request", "message" => message} = error
    refute message =~ "secret-key"
  end

  test "a run beyond the limit gets 429, and cancelling a run makes room for it" do
    server = start_server([:hang, gemini("a: 1")], limit: 1)
    id = start_run(server)

    assert {429, %{"error" => %{"kind" => "full"}}, %{~c"retry-after" => ~c"1"}} =
             send_request(server, :post, "/runs", run_request())

    until(fn -> length(ScriptedProvider.requests(server.provider)) == 1 end)
    assert {200, %{"status" => "cancelled"}, _} = send_request(server, :delete, "/runs/#{id}")
    assert {200, %{"status" => "cancelled"}, _} = send_request(server, :get, "/runs/#{id}?wait=5")
    until(fn -> Task.Supervisor.children(Pipeline.Runs) == [] end)
    until(fn -> Task.Supervisor.children(Pipeline.Steps) == [] end)
    assert %{"status" => "done"} = await_run(server, start_run(server))
  end

  test "cancelling a run answers the clients that wait for it" do
    server = start_server([:hang])
    id = start_run(server)
    waiting = Task.async(fn -> await_run(server, id) end)
    until(fn -> :sys.get_state(Serve.Runs).entries[id].waiting != [] end)
    send_request(server, :delete, "/runs/#{id}")
    assert %{"status" => "cancelled"} = Task.await(waiting, :infinity)
  end

  test "a run is ended after its time limit" do
    server = start_server([:hang])

    assert %{"status" => "failed", "error" => %{"kind" => "timeout"}} =
             await_run(server, start_run(server, %{timeout_ms: 50}))

    until(fn -> Task.Supervisor.children(Pipeline.Runs) == [] end)
  end

  test "when the wait is over before the run is, the status is running" do
    server = start_server([:hang])
    id = start_run(server)
    assert {200, %{"status" => "running"}, _} = send_request(server, :get, "/runs/#{id}?wait=0.05")
    assert {200, %{"status" => "running"}, _} = send_request(server, :get, "/runs/#{id}")
    send_request(server, :delete, "/runs/#{id}")
  end

  test "a crash ends one run and no other" do
    server = start_server([:hang, gemini("a: 1")])
    id = start_run(server)
    until(fn -> length(ScriptedProvider.requests(server.provider)) == 1 end)
    other = start_run(server)
    assert %{"status" => "done"} = await_run(server, other)
    Process.exit(:sys.get_state(Serve.Runs).entries[id].task.pid, :kill)
    assert %{"status" => "failed", "error" => %{"kind" => "crashed"}} = await_run(server, id)
  end

  test "a hundred runs at once each get their own answer, and no process is left" do
    plans = for n <- 1..100, do: "n: #{n}\n"
    server = start_server(Enum.map(plans, &gemini/1), limit: 100)

    runs =
      1..100
      |> Task.async_stream(fn n -> await_run(server, start_run(server, %{key: "#{n}"})) end,
        max_concurrency: 100,
        timeout: :infinity
      )
      |> Enum.map(fn {:ok, run} -> run["text"] end)

    assert Enum.sort(runs) == Enum.sort(plans)
    # A task tells its result a moment before it ends.
    until(fn -> Task.Supervisor.children(Pipeline.Runs) == [] end)
    assert {200, %{"runs" => %{"running" => 0, "kept" => 100}}, _} = send_request(server, :get, "/health")
  end

  test "old results are removed, together with their keys" do
    server = start_server(List.duplicate(gemini("a: 1"), 2))
    id = start_run(server, %{key: "old"})
    await_run(server, id)

    :sys.replace_state(Serve.Runs, fn state ->
      %{
        state
        | ended:
            :queue.from_list(
              for {id, at, size} <- :queue.to_list(state.ended), do: {id, at - 3_600_000, size}
            )
      }
    end)

    send(Serve.Runs, :cleanup)
    assert {404, _, _} = send_request(server, :get, "/runs/#{id}")
    assert start_run(server, %{key: "old"}) != id
  end

  test "while the server drains, runs can be read and new runs get 503" do
    server = start_server([:hang])
    id = start_run(server)
    Serve.Runs.drain()

    body = run_request() |> :jiffy.encode() |> IO.iodata_to_binary()
    # Send the request by hand, because httpc itself retries a 503 with Retry-After.
    answer = send_bytes(server, run_request_head() <> "Content-Length: #{byte_size(body)}\r\n\r\n" <> body)
    assert answer =~ "HTTP/1.1 503"
    assert answer =~ "Retry-After: 5"

    assert {200, %{"status" => "running"}, _} = send_request(server, :get, "/runs/#{id}")
    # A client that cancels a run has read its end.
    send_request(server, :delete, "/runs/#{id}")
    assert %{running: 0, unread: 0} = Serve.Runs.load()
  end

  test "the drain waits until a run that ended just before has been read, by its id or its key" do
    for read <- [:get, :post, :late] do
      server = start_server([gemini("a: 1")])
      id = start_run(server, %{key: "one"})
      until(fn -> Serve.Runs.load().running == 0 end)
      Serve.Runs.drain()
      assert %{running: 0, unread: 1} = Serve.Runs.load()

      case read do
        :get ->
          send_request(server, :get, "/runs/#{id}")

        :post ->
          assert {200, %{"status" => "done"}, _} =
                   send_request(server, :post, "/runs", run_request(%{key: "one"}))

        :late ->
          :sys.replace_state(Serve.Runs, &with_earlier_end(&1, id))
      end

      assert %{running: 0, unread: 0} = Serve.Runs.load()
      stop_supervised!(Serve)
      stop_supervised!(ScriptedProvider)
    end
  end

  defp with_earlier_end(state, id) do
    state = update_in(state.drained_at, &(&1 + 1))
    %{state | entries: Map.update!(state.entries, id, &%{&1 | ended_at: &1.ended_at - 20_000})}
  end

  test "a run that is cancelled, killed or too slow leaves no folder and no step" do
    pipeline = """
    workflow:
      name: files
      steps:
        - {name: write, type: file_ops, operation: write, path: a/b.txt, content: hello}
        - {name: hang, type: gemini, prompt: [{type: variable, name: user_prompt}]}
    """

    server = start_server([:hang, :hang, :hang])

    for end_it <- [
          fn id -> send_request(server, :delete, "/runs/#{id}") end,
          fn id -> Process.exit(:sys.get_state(Serve.Runs).entries[id].task.pid, :kill) end,
          fn id -> send(Serve.Runs, {:deadline, id}) end
        ] do
      earlier_requests = length(ScriptedProvider.requests(server.provider))
      id = start_run(server, %{pipeline: pipeline})
      until(fn -> length(ScriptedProvider.requests(server.provider)) > earlier_requests end)
      assert File.exists?(Path.join(run_folder(id), "workspace/a/b.txt"))
      end_it.(id)
      until(fn -> not File.exists?(run_folder(id)) end)
      assert Task.Supervisor.children(Pipeline.Steps) == []
    end
  end

  defp run_folder(id), do: Path.join(System.tmp_dir!(), "pipeline-#{id}")
end
