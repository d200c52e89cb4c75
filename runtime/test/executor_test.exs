defmodule Pipeline.ExecutorTest do
  use ExUnit.Case, async: true

  import ExUnit.CaptureLog
  import Pipeline.Answers

  alias Pipeline.{Error, Executor, Loader, ScriptedProvider, Step}
  alias Pipeline.Files.Workspace
  alias Pipeline.Model.Ask
  alias Pipeline.Value.JSON

  defp settings(server, changes) do
    ScriptedProvider.settings(server, [retries: 3] ++ Enum.to_list(changes))
  end

  defp pipeline(steps), do: %Pipeline{name: "test", file: "test.yaml", steps: steps}

  defp step(changes \\ []) do
    {name, changes} = Keyword.pop(changes, :name, "one")

    ask = %Ask{
      provider: :gemini,
      model: "gemini-2.5-flash",
      prompt: [{:variable, "user_prompt"}],
      retries: 0
    }

    %Step{name: name, at: "steps[0]", action: struct!(ask, changes)}
  end

  defp execute(answers, steps, changes \\ %{}) do
    server = start_supervised!({ScriptedProvider, answers})
    vars = %{"user_prompt" => "Write {{a}} plan: $(id) \#{x} ü"}
    {Executor.execute_with_vars(pipeline(steps), vars, settings(server, changes)), server}
  end

  test "a gemini step sends the prompt unchanged, with the settings of the step" do
    step = step(temperature: 0.3, max_tokens: 99, system_prompt: "Be brief.")
    assert {{:ok, %{reply: "the plan"}}, server} = execute([gemini("the plan")], [step], %{seed: 7})
    assert [request] = ScriptedProvider.requests(server)
    assert request.path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert request.headers["x-goog-api-key"] == "secret-key"
    assert [%{"parts" => [%{"text" => "Write {{a}} plan: $(id) \#{x} ü"}]}] = request.body["contents"]
    assert request.body["generationConfig"] == %{"temperature" => 0.3, "maxOutputTokens" => 99, "seed" => 7}
    assert request.body["systemInstruction"] == %{"parts" => [%{"text" => "Be brief."}]}
  end

  test "a claude step sends a request of Anthropic's API" do
    step = step(provider: :anthropic, model: "claude-sonnet-4-5", system_prompt: "Be brief.")
    assert {{:ok, %{reply: "the plan"}}, server} = execute([claude("the plan")], [step])
    assert [request] = ScriptedProvider.requests(server)
    assert request.path == "/v1/messages"
    assert request.headers["x-api-key"] == "secret-key"
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert request.body["system"] == "Be brief."

    assert [%{"role" => "user", "content" => [%{"type" => "text", "text" => text}]}] =
             request.body["messages"]

    assert text =~ "{{a}}"
  end

  test "a later step gets an earlier step's reply, literally" do
    steps = [step(), step(name: "two", prompt: [{:static, "Improve:"}, {:previous_response, "one", []}])]
    assert {{:ok, %{reply: "better"}}, server} = execute([gemini("{{user_prompt}}"), gemini("better")], steps)
    assert [_, second] = ScriptedProvider.requests(server)
    assert [%{"parts" => [%{"text" => "Improve:"}, %{"text" => "{{user_prompt}}"}]}] = second.body["contents"]
  end

  @tag :tmp_dir
  test "an input is a separate part of the prompt, with its name", %{tmp_dir: folder} do
    file = Path.join(folder, "packed.xml")
    File.write!(file, "<repository/>")
    step = step(prompt: [{:variable, "user_prompt"}, {:input, "codebase", false}])
    assert {{:ok, _}, server} = execute([gemini("plan")], [step], %{inputs: %{"codebase" => {:file, file}}})

    assert [%{body: %{"contents" => [%{"parts" => [_, %{"text" => part}]}]}}] =
             ScriptedProvider.requests(server)

    assert part == "<file name=\"codebase\">\n<repository/>\n</file>"
  end

  test "an unknown input and a missing input are errors before a model is asked" do
    assert {{:error, %Error{kind: :pipeline, message: message}}, server} =
             execute([], [step()], %{inputs: %{"codebase" => {:file, "x"}}})

    assert message =~ ~s(takes no input "codebase"; it takes none)
    assert ScriptedProvider.requests(server) == []
    stop_supervised!(ScriptedProvider)

    assert {{:error, %Error{kind: :pipeline, message: message}}, _} =
             execute([], [step(prompt: [{:input, "codebase", false}])])

    assert message =~ "--input codebase=FILE"
  end

  for {name, answer, kind} <- [
        {"a refused key", error_reply(401, "secret-key is wrong"), :authentication},
        {"a key that is not valid", official_error("gemini", "rejected_key"), :authentication},
        {"too many requests", official_error("gemini", "per_minute"), :rate_limit},
        {"a bad request", official_error("gemini", "bad_request"), :bad_request},
        {"an error of the server", {503, "overloaded"}, :provider_unavailable},
        {"a body that is not JSON", {200, "{\"candidates\": ["}, :provider_unavailable},
        {"a lost connection", :close, :provider_unavailable},
        {"no answer in time", :hang, :timeout},
        {"a blank reply", gemini(" "), :empty_reply},
        {"a reply that was cut off", gemini("half", "MAX_TOKENS"), :truncated},
        {"a blocked prompt", official("gemini", "block_reasons", "SAFETY"), :blocked}
      ] do
    test "#{name} is an error of kind #{kind} whose message does not contain the key" do
      assert {{:error, %Error{kind: unquote(kind), message: message}}, _} =
               execute(
                 [unquote(Macro.escape(answer))],
                 [step()],
                 unquote(if answer == :hang, do: Macro.escape(%{timeout: 300}), else: Macro.escape(%{}))
               )

      refute message =~ "secret-key"
    end
  end

  defp load(text, folder) do
    assert {:ok, pipeline} = Loader.parse(text, Path.join(folder, "p.yaml"))
    pipeline
  end

  # Return a key that sends the test a message, and waits for `:go`, when a step reads it. So a test can hold a step.
  defp holding_key(test, name) do
    key_for_step(fn ->
      send(test, {:began, name, self()})
      receive(do: (:go -> "secret-key"))
    end)
  end

  # Return a key that calls `key` only when a step reads it. The preflight has read it once before.
  defp key_for_step(key) do
    reads = :counters.new(1, [])

    fn ->
      :counters.add(reads, 1, 1)
      if :counters.get(reads, 1) == 1, do: "secret-key", else: key.()
    end
  end

  @group """
  workflow:
    name: group
    steps:
      - name: group
        limit: 2
        parallel:
          - {name: a, type: gemini, prompt: [{type: static, content: a}]}
          - {name: b, type: gemini, prompt: [{type: static, content: b}]}
          - {name: c, type: claude, prompt: [{type: static, content: c}]}
  """

  describe "parallel steps" do
    @describetag :tmp_dir

    test "no more steps than the limit run at once, and the group's answer has all answers by name", %{
      tmp_dir: folder
    } do
      server = start_supervised!({ScriptedProvider, [any("yes"), any("yes"), any("yes")]})
      keys = %{gemini: holding_key(self(), :gemini), anthropic: holding_key(self(), :claude)}

      run =
        Task.async(fn ->
          Executor.execute_with_vars(load(@group, folder), %{}, settings(server, keys: keys))
        end)

      assert_receive {:began, :gemini, first}
      assert_receive {:began, :gemini, second}
      refute_receive {:began, _, _}, 50
      send(first, :go)
      assert_receive {:began, :claude, third}
      for step <- [second, third], do: send(step, :go)
      assert {:ok, result} = Task.await(run, :infinity)
      assert result.answers["group"].value == %{"a" => "yes", "b" => "yes", "c" => "yes"}

      assert for(step <- result.steps, do: {step.name, step.status}) == [
               {"a", :done},
               {"b", :done},
               {"c", :done}
             ]

      assert result.usage.calls == 3
    end

    test "the first step that fails ends the others, and the run reports its error", %{tmp_dir: folder} do
      text = String.replace(@group, "limit: 2", "limit: 3")
      server = start_supervised!({ScriptedProvider, [error_reply(400, "no such model")]})
      keys = %{gemini: holding_key(self(), :gemini), anthropic: holding_key(self(), :claude)}

      run =
        Task.async(fn -> Executor.execute_with_vars(load(text, folder), %{}, settings(server, keys: keys)) end)

      assert_receive {:began, :claude, step}
      assert_receive {:began, :gemini, failing}
      send(failing, :go)
      monitor = Process.monitor(step)
      assert {:error, %Error{kind: :bad_request}} = Task.await(run, :infinity)
      assert_receive {:DOWN, ^monitor, _, _, _}
    end
  end

  test "a run that fails reports what its steps used, including the steps of a group" do
    {200, body} = gemini("a")
    paid = {200, Map.put(body, :usageMetadata, %{promptTokenCount: 1_000})}

    inner = [
      step(name: "two"),
      %{step(name: "skipped") | condition: {:value, {:literal, false}}},
      step(name: "three")
    ]

    group = %Step{name: "group", at: "steps[1]", action: {:parallel, inner, 1}}
    assert {{:error, error}, _} = execute([paid, paid, error_reply(400, "no")], [step(), group])

    assert for(step <- error.steps, do: {step.name, step.status, step.usage.calls}) ==
             [{"one", :done, 1}, {"two", :done, 1}, {"skipped", :skipped, 0}, {"three", :failed, 0}]

    assert %{calls: 2, input_tokens: 2_000} = error.usage
  end

  describe "the task of a step:" do
    test "a crash in a condition is an error of its run" do
      broken = %{step() | condition: {:compare, "no operator", {:literal, 1}, {:literal, 1}}}
      assert {{:error, %Error{kind: :crashed, message: message}}, _} = execute([], [broken])
      assert message =~ "step one crashed"
    end

    test "a crash is an error of its run, and neither message nor log shows the prompt" do
      key = key_for_step(fn -> raise "a secret prompt" end)

      log =
        capture_log(fn ->
          assert {{:error, %Error{kind: :crashed, message: message}}, _} =
                   execute([], [step()], %{keys: %{gemini: key, anthropic: key}})

          assert message =~ "step one crashed"
          assert message =~ "RuntimeError"
          refute message =~ "secret prompt"
        end)

      refute log =~ "secret prompt"
    end

    test "a kill is an error of its run" do
      key = key_for_step(fn -> Process.exit(self(), :kill) end)

      assert {{:error, %Error{kind: :crashed}}, _} =
               execute([], [step()], %{keys: %{gemini: key, anthropic: key}})
    end

    test "a step is ended after its time limit" do
      # On a busy machine, the step needs a part of this time until it begins.
      step = %{step() | timeout: 2_000}
      key = holding_key(self(), :one)

      assert {{:error, %Error{kind: :timeout, message: message}}, _} =
               execute([], [step], %{keys: %{gemini: key}})

      assert message =~ "step one was not done within 2000 ms"
      assert_received {:began, :one, pid}
      refute Process.alive?(pid)
    end

    test "a step ends with the process that executes the pipeline" do
      server = start_supervised!({ScriptedProvider, []})
      settings = settings(server, keys: %{gemini: holding_key(self(), :one)})

      {caller, _} =
        spawn_monitor(fn ->
          Executor.execute_with_vars(pipeline([step()]), %{"user_prompt" => "x"}, settings)
        end)

      assert_receive {:began, :one, step}
      monitor = Process.monitor(step)
      Process.exit(caller, :kill)
      assert_receive {:DOWN, ^monitor, _, _, _}
    end
  end

  describe "references" do
    @describetag :tmp_dir

    defp run(steps, folder, answers \\ [], vars \\ %{}) do
      text = "workflow:\n  name: a\n  steps:\n" <> String.replace(steps, ~r/^/m, "    ")
      server = start_supervised!({ScriptedProvider, answers})
      {:ok, workspace} = Workspace.open(Path.join(folder, "ws"))
      {Executor.execute_with_vars(load(text, folder), vars, settings(server, []), workspace), server}
    end

    test "take values of any type from a structured answer, and a missing place is an error with the keys", %{
      tmp_dir: folder
    } do
      steps = """
      - {name: facts, type: gemini_extract, extraction_config: {format: json}, prompt: [{type: static, content: x}]}
      - {name: keep, type: set_variable, variable: two, from: {type: previous_response, step: facts, extract: "b[1]"}}
      - {name: use, type: gemini, prompt: [{type: variable, name: two}, {type: previous_response, step: facts, extract: WHERE}]}
      """

      facts = gemini(~s({"a": {"x": "{{y}}", "n": null}, "b": [1, {"c": 2.5}]}))
      {result, server} = run(String.replace(steps, "WHERE", "a"), folder, [facts, gemini("done")])
      assert {:ok, %{vars: %{"two" => %{"c" => 2.5}}}} = result
      assert [_, %{body: %{"contents" => [%{"parts" => parts}]}}] = ScriptedProvider.requests(server)
      assert [%{"text" => ~s({"c":2.5})}, %{"text" => json}] = parts
      assert JSON.decode(json) == {:ok, %{"x" => "{{y}}", "n" => nil}}

      stop_supervised!(ScriptedProvider)
      {result, _} = run(String.replace(steps, "WHERE", "a.z"), folder, [facts])
      assert {:error, %Error{kind: :pipeline, message: message}} = result

      assert message =~
               ~s(step use: cannot take a value from the answer of "facts": a has no "z", it has n, x)
    end

    test "to a skipped step are an error unless they are optional", %{tmp_dir: folder} do
      steps = """
      - {name: one, type: set_variable, variable: x, value: 1, condition: vars.wanted}
      - {name: two, type: gemini, prompt: [{type: static, content: hi}, {type: previous_response, step: one}]}
      """

      assert {{:error, %Error{message: message}}, _} = run(steps, folder)
      assert message =~ ~s(step two: the step "one" was skipped)
      stop_supervised!(ScriptedProvider)
      optional = String.replace(steps, "step: one}]", "step: one, optional: true}]")

      assert {{:ok, %{reply: "hello", steps: [%{status: :skipped}, _]}}, _} =
               run(optional, folder, [gemini("hello")])

      stop_supervised!(ScriptedProvider)
      assert {{:ok, _}, _} = run(steps, folder, [gemini("hello")], %{"wanted" => "yes"})
    end

    test "a file operation that fails is an error of its step, with the reason", %{tmp_dir: folder} do
      for {operation, reason} <- [
            {"read, path: absent", "no such file"},
            {"write, path: ../out, content: x", "step one: "},
            {"copy, source: absent, destination: b", "no such file"}
          ] do
        assert {{:error, %Error{kind: :step, message: message}}, _} =
                 run("- {name: one, type: file_ops, operation: #{operation}}", folder)

        assert message =~ reason
        stop_supervised!(ScriptedProvider)
      end

      refute File.exists?(Path.join(folder, "out"))
    end
  end

  test "the error for a missing key names the environment variables" do
    assert {{:error, %Error{kind: :authentication, message: message}}, _} =
             execute([], [step()], %{keys: %{gemini: fn -> nil end, anthropic: fn -> nil end}})

    assert message =~ "GEMINI_API_KEY or GOOGLE_API_KEY is not set"
  end

  test "a truncated answer and a refusal of claude are errors, not answers" do
    claude = step(provider: :anthropic, model: "claude-sonnet-4-5")
    assert {{:error, %Error{kind: :truncated}}, _} = execute([claude("half", "max_tokens")], [claude])
    stop_supervised!(ScriptedProvider)
    assert {{:error, %Error{kind: :blocked}}, _} = execute([claude("no", "refusal")], [claude])
  end
end
