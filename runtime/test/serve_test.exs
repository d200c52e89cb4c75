defmodule Pipeline.ServeTest do
  @moduledoc "The server over real HTTP, with a provider that answers from a script."

  use ExUnit.Case, async: false

  import Pipeline.{Answers, Served, Waiting}

  alias Pipeline.{ScriptedProvider, Serve}

  setup :environment

  test "a run is begun, waited for, and says what it wrote and used" do
    server = serve([gemini("```yaml\ntitle: ü\n```")])
    id = begin(server, %{seed: 7, inputs: %{codebase: "<code/>"}})
    run = ended(server, id)
    assert %{"status" => "done", "text" => "title: ü\n", "usage" => %{"calls" => _}, "seconds" => _} = run

    assert [%{"name" => "write_plan", "status" => "done", "usage" => %{"calls" => 1}, "seconds" => _}] =
             run["steps"]

    assert [%{body: body}] = ScriptedProvider.requests(server.provider)
    assert body["generationConfig"]["seed"] == 7
    texts = for %{"parts" => parts} <- body["contents"], %{"text" => text} <- parts, do: text
    assert "Write {{a}} plan" in texts
    assert "<file name=\"codebase\">\n<code/>\n</file>" in texts
    assert ended(server, id) == run
  end

  test "variables have any name, and the files of a pipeline are beside it" do
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

    server = serve([gemini("a: 1")])
    body = %{pipeline: pipeline, vars: %{word: "hello"}, name: Path.expand("pipeline.yaml")}
    assert {202, %{"id" => id}, _} = ask(server, :post, "/runs", body)
    assert %{"status" => "done"} = ended(server, id)
    assert [%{body: %{"contents" => [%{"parts" => parts}]}}] = ScriptedProvider.requests(server.provider)
    assert [%{"text" => "hello"}, %{"text" => "<file name=\"mix.exs\">" <> _}] = parts
  end

  test "what steps write, and a workspace, are the run's own and go with it" do
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

    before = Path.wildcard(Path.join(System.tmp_dir!(), "pipeline-*"))
    server = serve([gemini("an answer")])
    run = ended(server, begin(server, %{pipeline: pipeline}))
    assert %{"status" => "done", "text" => "hello", "files" => %{"notes/answer.md" => "an answer"}} = run
    assert Path.wildcard(Path.join(System.tmp_dir!(), "pipeline-*")) -- before == []
  end

  test "an run_request is run once however often it is sent, and its key is taken" do
    server = serve([gemini("a: 1")])
    id = begin(server, %{key: "one"})
    assert {200, %{"id" => ^id}, _} = ask(server, :post, "/runs", run_request(%{key: "one"}))
    assert %{"status" => "done"} = ended(server, id)

    assert {200, %{"id" => ^id, "status" => "done"}, _} =
             ask(server, :post, "/runs", run_request(%{key: "one"}))

    for other <- [%{seed: 1}, %{name: "elsewhere/pipeline.yaml"}, %{timeout_ms: 1_000}, %{prompt: "x"}] do
      assert {409, %{"error" => %{"kind" => "conflict"}}, _} =
               ask(server, :post, "/runs", run_request(Map.put(other, :key, "one")))
    end

    assert [_] = ScriptedProvider.requests(server.provider)
  end

  test "without the token nothing is begun or told but the health" do
    server = serve([])

    for token <- [nil, "", "the toke", "the tokens", "THE TOKEN"],
        {method, path, body} <- [
          {:post, "/runs", run_request()},
          {:get, "/runs/1", nil},
          {:delete, "/runs/1", nil}
        ] do
      assert {401, %{"error" => %{"kind" => "authentication"}}, _} = ask(server, method, path, body, token)
    end

    assert {200, %{"version" => "0" <> _, "processes" => _, "providers" => %{"gemini" => "http" <> _}}, _} =
             ask(server, :get, "/health", nil, nil)
  end

  test "what cannot be run is told, and costs nothing" do
    server = serve([])
    wrong = "workflow: {name: x, steps: [{name: a, type: gemni, prompt: []}]}"

    for {body, status, said} <- [
          {run_request(%{pipeline: wrong}), 422, ~s(did you mean "gemini")},
          {Map.delete(run_request(), :prompt), 422, "the key prompt is missing"},
          {Map.delete(run_request(), :pipeline), 422, "the key pipeline is missing"},
          {run_request(%{prompt: " "}), 422, "prompt: expected a text"},
          {run_request(%{seed: -1}), 422, "seed: expected"},
          {run_request(%{inputs: %{codebase: 1}}), 422, "inputs: expected"},
          {run_request(%{timeout_ms: 0}), 422, "timeout_ms: expected"},
          {run_request(%{promt: "x"}), 422, ~s(the key "promt" is not known)},
          {"[1]", 400, "no JSON object"},
          {"{", 400, "no JSON object"},
          {<<"{\"prompt\": \"", 0xFF, "\"}">>, 400, "no JSON object"}
        ] do
      assert {^status, %{"error" => %{"message" => message}}, _} = ask(server, :post, "/runs", body)
      assert message =~ said
    end

    assert {404, _, _} = ask(server, :get, "/nothing")
    assert {404, _, _} = ask(server, :get, "/runs/absent")
    assert {404, _, _} = ask(server, :delete, "/runs/absent")
    assert {405, _, %{~c"allow" => ~c"POST"}} = ask(server, :get, "/runs")
    assert {400, _, _} = ask(server, :get, "/runs/absent?wait=long")
    assert {400, _, _} = ask(server, :get, "/runs/absent?wait=#{String.duplicate("9", 400)}.5")
    assert {404, _, _} = ask(server, :get, "/runs/absent?wait=#{String.duplicate("9", 400)}")
    assert ScriptedProvider.requests(server.provider) == []
  end

  test "an error of a provider is the run's, with its kind and without the key" do
    server = serve(List.duplicate(refused(400, "secret-key: no such model"), 1))
    assert %{"status" => "failed", "error" => error} = run = ended(server, begin(server))
    assert %{"steps" => [%{"status" => "failed"}], "usage" => %{"calls" => 0}} = run
    assert %{"kind" => "bad_request", "message" => message} = error
    refute message =~ "secret-key"
  end

  test "past its limit more runs are told to come again, and a cancelled one makes room" do
    server = serve([:hang, gemini("a: 1")], limit: 1)
    id = begin(server)

    assert {429, %{"error" => %{"kind" => "full"}}, %{~c"retry-after" => ~c"1"}} =
             ask(server, :post, "/runs", run_request())

    until(fn -> length(ScriptedProvider.requests(server.provider)) == 1 end)
    assert {200, %{"status" => "cancelled"}, _} = ask(server, :delete, "/runs/#{id}")
    assert {200, %{"status" => "cancelled"}, _} = ask(server, :get, "/runs/#{id}?wait=5")
    until(fn -> Task.Supervisor.children(Pipeline.Runs) == [] end)
    until(fn -> Task.Supervisor.children(Pipeline.Steps) == [] end)
    assert %{"status" => "done"} = ended(server, begin(server))
  end

  test "cancelling wakes who waits, and a run that has ended stays what it is" do
    server = serve([:hang])
    id = begin(server)
    waiting = Task.async(fn -> ended(server, id) end)
    until(fn -> :sys.get_state(Serve.Runs).entries[id].waiting != [] end)
    ask(server, :delete, "/runs/#{id}")
    assert %{"status" => "cancelled"} = Task.await(waiting)
  end

  test "a run ends with its time" do
    server = serve([:hang])

    assert %{"status" => "failed", "error" => %{"kind" => "timeout"}} =
             ended(server, begin(server, %{timeout_ms: 50}))

    until(fn -> Task.Supervisor.children(Pipeline.Runs) == [] end)
  end

  test "a wait that is over says that it still runs" do
    server = serve([:hang])
    id = begin(server)
    assert {200, %{"status" => "running"}, _} = ask(server, :get, "/runs/#{id}?wait=0.05")
    assert {200, %{"status" => "running"}, _} = ask(server, :get, "/runs/#{id}")
    ask(server, :delete, "/runs/#{id}")
  end

  test "a crash is that run's end and no other's" do
    server = serve([:hang, gemini("a: 1")])
    id = begin(server)
    until(fn -> length(ScriptedProvider.requests(server.provider)) == 1 end)
    other = begin(server)
    assert %{"status" => "done"} = ended(server, other)
    [crashing] = Task.Supervisor.children(Pipeline.Runs)
    Process.exit(crashing, :kill)
    assert %{"status" => "failed", "error" => %{"kind" => "crashed"}} = ended(server, id)
  end

  test "a hundred at once, each with its own answer, and nothing stays" do
    plans = for n <- 1..100, do: "n: #{n}\n"
    server = serve(Enum.map(plans, &gemini/1), limit: 100)

    runs =
      1..100
      |> Task.async_stream(fn n -> ended(server, begin(server, %{key: "#{n}"})) end,
        max_concurrency: 100,
        timeout: 20_000
      )
      |> Enum.map(fn {:ok, run} -> run["text"] end)

    assert Enum.sort(runs) == Enum.sort(plans)
    assert Task.Supervisor.children(Pipeline.Runs) == []
    assert {200, %{"runs" => %{"running" => 0, "kept" => 100}}, _} = ask(server, :get, "/health")
  end

  test "the oldest results are forgotten, and their keys" do
    server = serve(List.duplicate(gemini("a: 1"), 2))
    id = begin(server, %{key: "old"})
    ended(server, id)

    :sys.replace_state(Serve.Runs, fn state ->
      %{
        state
        | ended:
            :queue.from_list(
              for {id, at, size} <- :queue.to_list(state.ended), do: {id, at - 3_600_000, size}
            )
      }
    end)

    send(Serve.Runs, :look)
    assert {404, _, _} = ask(server, :get, "/runs/#{id}")
    assert begin(server, %{key: "old"}) != id
  end

  test "while it drains, what runs can be read and nothing new begins" do
    server = serve([:hang])
    id = begin(server)
    Serve.Runs.drain()

    body = run_request() |> :jiffy.encode() |> IO.iodata_to_binary()
    # httpc takes a 503 with Retry-After for its own to try again.
    answer = raw(server, run_request_head() <> "Content-Length: #{byte_size(body)}

" <> body)
    assert answer =~ "HTTP/1.1 503"
    assert answer =~ "Retry-After: 5"

    assert {200, %{"status" => "running"}, _} = ask(server, :get, "/runs/#{id}")
    # Whoever cancels a run knows its end.
    ask(server, :delete, "/runs/#{id}")
    assert %{running: 0, unread: 0} = Serve.Runs.load()
  end

  test "what ended just before the drain is waited for, until it is read by its address or by its key" do
    for read <- [:get, :post, :late] do
      server = serve([gemini("a: 1")])
      id = begin(server, %{key: "one"})
      until(fn -> Serve.Runs.load().running == 0 end)
      Serve.Runs.drain()
      assert %{running: 0, unread: 1} = Serve.Runs.load()

      case read do
        :get ->
          ask(server, :get, "/runs/#{id}")

        :post ->
          assert {200, %{"status" => "done"}, _} = ask(server, :post, "/runs", run_request(%{key: "one"}))

        :late ->
          :sys.replace_state(Serve.Runs, &long_ago(&1, id))
      end

      assert %{running: 0, unread: 0} = Serve.Runs.load()
      stop_supervised!(Serve)
      stop_supervised!(ScriptedProvider)
    end
  end

  defp long_ago(state, id) do
    state = update_in(state.drained_at, &(&1 + 1))
    %{state | entries: Map.update!(state.entries, id, &%{&1 | ended_at: &1.ended_at - 20_000})}
  end

  test "a run that is cut off leaves no folder, and holds nobody up" do
    pipeline = """
    workflow:
      name: files
      steps:
        - {name: write, type: file_ops, operation: write, path: a/b.txt, content: hello}
        - {name: hang, type: gemini, prompt: [{type: variable, name: user_prompt}]}
    """

    server = serve([:hang, :hang, :hang])
    folder = fn id -> Path.join(System.tmp_dir!(), "pipeline-#{id}") end

    for end_it <- [
          fn id -> ask(server, :delete, "/runs/#{id}") end,
          fn id -> Process.exit(:sys.get_state(Serve.Runs).entries[id].task.pid, :kill) end,
          fn id -> send(Serve.Runs, {:deadline, id}) end
        ] do
      asked = length(ScriptedProvider.requests(server.provider))
      id = begin(server, %{pipeline: pipeline})
      until(fn -> length(ScriptedProvider.requests(server.provider)) > asked end)
      assert File.exists?(Path.join(folder.(id), "workspace/a/b.txt"))
      end_it.(id)
      until(fn -> not File.exists?(folder.(id)) end)
      assert Task.Supervisor.children(Pipeline.Steps) == []
    end
  end
end
