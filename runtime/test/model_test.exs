defmodule Pipeline.ModelTest do
  use ExUnit.Case, async: true

  import Pipeline.Answers

  alias Pipeline.{Error, Model, ScriptedProvider, Settings}
  alias Pipeline.Files.Workspace
  alias Pipeline.Model.{Answer, Ask, Usage}

  @schema %{
    "type" => "object",
    "properties" => %{"score" => %{"type" => "integer", "minimum" => 0}},
    "required" => ["score"]
  }

  defp settings(server, changes) do
    key = fn -> "secret-key" end
    url = ScriptedProvider.url(server)

    struct!(
      %Settings{
        keys: %{anthropic: key, gemini: key},
        base_urls: %{anthropic: url, gemini: url},
        timeout: 10_000,
        retry_base: 1
      },
      changes
    )
  end

  defp claude_ask(changes),
    do: struct!(%Ask{provider: :anthropic, model: "claude-sonnet-4-5", prompt: []}, changes)

  defp gemini_ask(changes),
    do: struct!(%Ask{provider: :gemini, model: "gemini-2.5-flash", prompt: []}, changes)

  defp answer(script, ask, workspace \\ nil, changes \\ []) do
    server = start_supervised!({ScriptedProvider, script})
    {Model.answer(ask, ["do it"], settings(server, changes), workspace), server}
  end

  defp bodies(server), do: server |> ScriptedProvider.requests() |> Enum.map(& &1.body)

  describe "a fault of the provider:" do
    for {name, failure} <- [
          {"too many requests", {429, %{}}},
          {"an error of the server", {500, %{}}},
          {"an overload", {529, %{}}},
          {"a lost connection", :close},
          {"a time-out", :hang},
          {"what is no JSON", {200, "{"}}
        ] do
      test "the call is made again after #{name}" do
        assert {{:ok, %Answer{text: "plan"}}, server} =
                 answer([unquote(Macro.escape(failure)), gemini("plan")], gemini_ask([]), nil, timeout: 1_500)

        assert [same, same] = bodies(server)
      end
    end

    for status <- [400, 401, 403, 422] do
      test "#{status} is not asked again" do
        assert {{:error, %Error{}}, server} = answer([{unquote(status), %{}}], gemini_ask([]))
        assert [_] = bodies(server)
      end
    end

    test "tries are bounded by the settings, and the error says how many there were" do
      assert {{:error, %Error{kind: :provider_unavailable, message: message}}, server} =
               answer(List.duplicate({503, %{}}, 3), gemini_ask([]), nil, retries: 2)

      assert message =~ "tried 3 times"
      assert length(bodies(server)) == 3
    end

    test "a step's own number of retries comes first" do
      assert {{:error, _}, server} = answer([{503, %{}}], gemini_ask(retries: 0))
      assert [_] = bodies(server)
    end

    test "the runtime waits as long as Retry-After asks" do
      date = Calendar.strftime(DateTime.add(DateTime.utc_now(), 2), "%a, %d %b %Y %H:%M:%S GMT")
      script = [{429, %{}, [{"Retry-After", "1"}]}, {503, %{}, [{"retry-after", date}]}, gemini("plan")]
      begun = System.monotonic_time(:millisecond)
      assert {{:ok, _}, _} = answer(script, gemini_ask([]))
      assert (System.monotonic_time(:millisecond) - begun) in 1000..5000
    end

    test "a provider that asks to wait for an hour is not asked again" do
      script = [{429, %{error: %{message: "quota"}}, [{"retry-after", "3600"}]}]
      assert {{:error, %Error{kind: :rate_limit}}, server} = answer(script, gemini_ask([]))
      assert [_] = bodies(server)
    end

    test "each call of a conversation has its own tries" do
      script = [{503, %{}}, claude("no JSON"), {503, %{}}, claude("{\"score\": 1}")]

      assert {{:ok, %Answer{value: %{"score" => 1}}}, _} =
               answer(script, claude_ask(schema: @schema), nil, retries: 1)
    end
  end

  describe "a reply of another shape is the provider's fault:" do
    for {name, family, reply} <- [
          {"a part that is a text", :gemini, %{candidates: [%{content: %{parts: ["x"]}}]}},
          {"a text that is a mapping", :gemini, %{candidates: [%{content: %{parts: [%{text: %{a: 1}}]}}]}},
          {"a text that is a number", :claude, %{content: [%{type: "text", text: 5}]}},
          {"a block that is a text", :claude, %{content: ["x"]}},
          {"a tool that has no name", :claude, %{content: [%{type: "tool_use", id: "1", name: 5}]}},
          {"no content", :claude, %{stop_reason: "end_turn"}}
        ] do
      test name do
        ask = if unquote(family) == :gemini, do: gemini_ask([]), else: claude_ask([])
        script = [{200, unquote(Macro.escape(reply))}]

        assert {{:error, %Error{kind: :provider_unavailable, message: message}}, _} =
                 answer(script, ask, nil, retries: 0)

        assert message =~ "in a shape that is not known"
      end
    end

    test "a finish reason that is no text" do
      script = [{200, %{candidates: [%{finishReason: %{a: 1}}]}}]

      assert {{:error, %Error{kind: :provider_unavailable}}, _} =
               answer(script, gemini_ask([]), nil, retries: 0)
    end
  end

  describe "an answer with a schema" do
    test "is a forced tool of claude's" do
      script = [claude_calls([{"1", "answer", %{"score" => 8}}])]
      assert {{:ok, answer}, server} = answer(script, claude_ask(schema: @schema))
      assert answer.value == %{"score" => 8}
      assert answer.text == ~s({"score":8})
      assert [body] = bodies(server)
      assert [%{"name" => "answer", "input_schema" => @schema}] = body["tools"]
      assert body["tool_choice"] == %{"type" => "tool", "name" => "answer"}
    end

    test "is asked for in words where the model refuses to be forced" do
      script = [claude_calls([{"1", "answer", %{"score" => 8}}])]
      ask = claude_ask(schema: @schema, model: "claude-opus-5-5", system_prompt: "Be brief.")
      assert {{:ok, %Answer{value: %{"score" => 8}}}, server} = answer(script, ask)
      assert [%{"tools" => [_], "system" => "Be brief.\n\nWhen you are done" <> _} = body] = bodies(server)
      refute Map.has_key?(body, "tool_choice")
    end

    test "that is no object goes to claude's tool in one" do
      schema = %{
        "type" => "array",
        "items" => %{"$ref" => "#/$defs/n"},
        "$defs" => %{"n" => %{"type" => "integer"}}
      }

      script = [claude_calls([{"1", "answer", %{"value" => [1, 2]}}])]
      assert {{:ok, %Answer{value: [1, 2]}}, server} = answer(script, claude_ask(schema: schema))

      assert [%{"tools" => [%{"input_schema" => %{"type" => "object", "$defs" => %{"n" => _}}}]}] =
               bodies(server)
    end

    test "that may be any JSON" do
      assert {{:ok, %Answer{value: [nil, 1.5]}}, server} =
               answer([gemini("```json\n[null, 1.5]\n```")], gemini_ask(schema: %{}))

      assert [%{"generationConfig" => config}] = bodies(server)
      assert config["responseMimeType"] == "application/json"
      refute Map.has_key?(config, "responseJsonSchema")
    end

    test "is a response schema of gemini's, in the words that it knows" do
      schema =
        put_in(@schema, ["properties", "kind"], %{
          "oneOf" => [%{"const" => "a"}, %{"type" => "string", "pattern" => "^b", "nullable" => true}]
        })

      assert {{:ok, %Answer{value: %{"score" => 8}}}, server} =
               answer([gemini(~s({"score": 8}))], gemini_ask(schema: schema))

      assert [%{"generationConfig" => %{"responseJsonSchema" => sent}}] = bodies(server)
      assert sent["properties"]["kind"] == %{"anyOf" => [%{"enum" => ["a"]}, %{"type" => ["string", "null"]}]}
      assert sent["required"] == ["score"]
    end

    test "is asked for again with what is wrong, gemini's in the same conversation" do
      script = [gemini("eight"), gemini(~s({"score": -1})), gemini(~s({"score": 8}))]
      assert {{:ok, %Answer{value: %{"score" => 8}}}, server} = answer(script, gemini_ask(schema: @schema))
      assert [_, second, third] = bodies(server)

      assert [_, %{"role" => "model"}, %{"role" => "user", "parts" => [%{"text" => complaint}]}] =
               second["contents"]

      assert complaint =~ "expected one JSON value"
      assert %{"parts" => [%{"text" => complaint}]} = List.last(third["contents"])
      assert complaint =~ "$.score: expected a number from 0, got -1"
      assert length(third["contents"]) == 5
    end

    test "is asked for again with what is wrong, claude's as the result of its tool" do
      script = [claude_calls([{"x", "answer", %{}}]), claude_calls([{"y", "answer", %{"score" => 8}}])]

      assert {{:ok, %Answer{value: %{"score" => 8}, usage: usage}}, server} =
               answer(script, claude_ask(schema: @schema))

      assert [_, %{"messages" => [_, %{"role" => "assistant"}, %{"content" => [result]}]}] = bodies(server)
      assert %{"tool_use_id" => "x", "is_error" => true, "content" => content} = result
      assert content =~ ~s(the key "score" is missing)
      assert %{calls: 2, input_tokens: 2000, output_tokens: 200} = usage
    end

    test "that stays invalid fails the step with the reason" do
      script = List.duplicate(gemini(~s({"score": "high"})), 2)

      assert {{:error, %Error{kind: :invalid_answer, message: message} = error}, server} =
               answer(script, gemini_ask(schema: @schema, repairs: 1))

      assert message =~ "$.score: expected integer, got \"high\""
      assert Error.exit_status(error) == 1
      assert length(bodies(server)) == 2
    end

    test "that was cut off is truncated, not invalid" do
      assert {{:error, %Error{kind: :truncated}}, _} =
               answer(
                 [claude_calls([{"1", "answer", %{}}]) |> put_stop("max_tokens")],
                 claude_ask(schema: @schema)
               )
    end
  end

  defp put_stop({200, body}, stop), do: {200, %{body | stop_reason: stop}}

  describe "tools" do
    setup context do
      if folder = context[:tmp_dir] do
        {:ok, workspace} = Workspace.open(Path.join(folder, "w"))
        %{workspace: workspace}
      else
        :ok
      end
    end

    @describetag :tmp_dir

    test "are run, and the model gets their results, until it answers", %{workspace: workspace} do
      :ok = Workspace.write(workspace, "a.md", "old text")

      script = [
        claude_calls(
          [{"1", "Read", %{"path" => "a.md"}}, {"2", "Read", %{"path" => "../secret"}}],
          "let me see"
        ),
        claude_calls([{"3", "Edit", %{"path" => "a.md", "old_text" => "old", "new_text" => "new"}}]),
        claude("done")
      ]

      assert {{:ok, %Answer{text: "done"}}, server} =
               answer(script, claude_ask(tools: ["Read", "Edit"]), workspace)

      assert Workspace.read(workspace, "a.md") == {:ok, "new text"}
      assert [first, second, _] = bodies(server)
      assert Enum.map(first["tools"], & &1["name"]) == ["Read", "Edit"]
      refute Map.has_key?(first, "tool_choice")

      assert [_, %{"content" => [%{"text" => "let me see"}, _, _]}, %{"content" => [read, refused]}] =
               second["messages"]

      assert %{"type" => "tool_result", "tool_use_id" => "1", "content" => "old text", "is_error" => false} =
               read

      assert %{"tool_use_id" => "2", "is_error" => true} = refused
    end

    test "that are not allowed, or do not exist, answer with an error", %{workspace: workspace} do
      script = [
        claude_calls([{"1", "Write", %{"path" => "a", "content" => "x"}}, {"2", "Bash", %{"command" => "id"}}]),
        claude("ok")
      ]

      assert {{:ok, _}, server} = answer(script, claude_ask(tools: ["Read"]), workspace)

      assert [_, %{"messages" => [_, _, %{"content" => [%{"is_error" => true}, %{"is_error" => true}]}]}] =
               bodies(server)

      assert Workspace.list(workspace, ".") == {:ok, []}
    end

    test "are bounded by max_turns", %{workspace: workspace} do
      script = List.duplicate(claude_calls([{"1", "List", %{"path" => "."}}]), 3)

      assert {{:error, %Error{kind: :turn_limit, message: message}}, server} =
               answer(script, claude_ask(tools: ["List"], max_turns: 3), workspace)

      assert message =~ "after 3 turns"
      assert length(bodies(server)) == 3
    end

    test "are no more than fifty at once", %{workspace: workspace} do
      calls = for n <- 1..51, do: {"#{n}", "Write", %{"path" => "#{n}", "content" => "x"}}

      assert {{:error, %Error{kind: :turn_limit, message: message, usage: %{calls: 1}}}, _} =
               answer([claude_calls(calls)], claude_ask(tools: ["Write"]), workspace)

      assert message =~ "called 51 tools at once"
      assert Workspace.list(workspace, ".") == {:ok, []}
    end

    test "go together with a schema", %{workspace: workspace} do
      script = [
        claude_calls([{"1", "Write", %{"path" => "a", "content" => "x"}}, {"2", "answer", %{"score" => 1}}])
      ]

      ask = claude_ask(tools: ["Write"], schema: @schema)
      assert {{:ok, %Answer{value: %{"score" => 1}}}, server} = answer(script, ask, workspace)
      assert Workspace.read(workspace, "a") == {:ok, "x"}
      assert [%{"tools" => [%{"name" => "Write"}, %{"name" => "answer"}]} = body] = bodies(server)
      refute Map.has_key?(body, "tool_choice")
    end

    test "that failed beside an answer are reported before the answer counts", %{workspace: workspace} do
      script = [
        claude_calls([{"1", "Read", %{"path" => "absent"}}, {"2", "answer", %{"score" => 1}}]),
        claude_calls([{"3", "answer", %{"score" => 2}}])
      ]

      ask = claude_ask(tools: ["Read"], schema: @schema)
      assert {{:ok, %Answer{value: %{"score" => 2}}}, _} = answer(script, ask, workspace)
    end

    test "that cannot be used are refused before a model is asked", %{workspace: workspace} do
      for {ask, workspace, text} <- [
            {claude_ask(tools: ["Read"]), nil, "workspace"},
            {claude_ask(tools: ["Bash"]), workspace, "no tool \"Bash\""},
            {gemini_ask(tools: ["Read"]), workspace, "no tools"}
          ] do
        assert {{:error, %Error{kind: :pipeline, message: message}}, server} = answer([], ask, workspace)
        assert message =~ text
        assert bodies(server) == []
        stop_supervised!(ScriptedProvider)
      end
    end
  end

  describe "usage" do
    test "is added up over the calls, by model and kind" do
      used = fn {200, body}, usage -> {200, Map.put(body, :usageMetadata, usage)} end
      counts = %{promptTokenCount: 1_000_000, candidatesTokenCount: 400_000, thoughtsTokenCount: 600_000}
      script = [used.(gemini("x"), counts), used.(gemini("{}"), %{promptTokenCount: 1_000_000})]
      assert {{:ok, %Answer{usage: usage}}, _} = answer(script, gemini_ask(schema: %{}))
      assert %{calls: 2, input_tokens: 2_000_000, output_tokens: 400_000, thought_tokens: 600_000} = usage

      assert [%{provider: :gemini, asked: "gemini-2.5-flash", model: "gemini-2.5-flash", calls: 2}] =
               usage.models
    end

    test "of a failed answer has everything that was paid for" do
      {200, call} = claude_calls([{"1", "answer", %{}}])
      usage = %{input_tokens: 1000, output_tokens: 100}

      for {script, ask, kind, calls} <- [
            {List.duplicate({200, call}, 3), claude_ask(schema: @schema), :invalid_answer, 3},
            {[{200, call}, refused(400, "no")], claude_ask(schema: @schema), :bad_request, 1},
            {[{200, %{call | stop_reason: "max_tokens"}}], claude_ask(schema: @schema), :truncated, 1},
            {[{200, %{call | stop_reason: "refusal"}}], claude_ask(schema: @schema), :blocked, 1},
            {[{200, %{content: [], stop_reason: "end_turn", usage: usage}}], claude_ask(retries: 0),
             :empty_reply, 1}
          ] do
        assert {{:error, %Error{kind: ^kind, usage: used}}, _} = answer(script, ask)
        assert {kind, used.calls, used.input_tokens} == {kind, calls, calls * 1000}
        stop_supervised!(ScriptedProvider)
      end
    end

    test "tells cached input and thoughts apart, and the model that answered from the one that was asked" do
      {200, reply} = claude("x")

      counts = %{
        input_tokens: 1,
        cache_read_input_tokens: 2,
        cache_creation_input_tokens: 3,
        output_tokens: 10,
        output_tokens_details: %{thinking_tokens: 4}
      }

      reply = Map.merge(reply, %{usage: counts, model: "claude-opus-5-5"})
      assert {{:ok, %Answer{usage: usage}}, _} = answer([{200, reply}], claude_ask([]))

      assert [
               %{
                 asked: "claude-sonnet-4-5",
                 model: "claude-opus-5-5",
                 input_tokens: 1,
                 cached_input_tokens: 2,
                 cache_write_tokens: 3,
                 output_tokens: 6,
                 thought_tokens: 4
               }
             ] = usage.models

      assert Usage.substitutions(usage) == [{"claude-sonnet-4-5", "claude-opus-5-5"}]
      stop_supervised!(ScriptedProvider)

      {200, reply} = gemini("x")
      counts = %{promptTokenCount: 100, cachedContentTokenCount: 60, candidatesTokenCount: 5}
      reply = Map.merge(reply, %{usageMetadata: counts, modelVersion: "gemini-2.5-flash-001"})
      assert {{:ok, %Answer{usage: usage}}, _} = answer([{200, reply}], gemini_ask([]))
      assert %{input_tokens: 40, cached_input_tokens: 60, output_tokens: 5} = usage
      assert Usage.substitutions(usage) == []
    end
  end

  describe "a model that its provider does not know" do
    test "is the user's to change, and the provider's own models are named" do
      listed = %{
        models: [
          %{name: "models/gemini-3.8-flash", supportedGenerationMethods: ["generateContent"]},
          %{name: "models/embedding-9", supportedGenerationMethods: ["embedContent"]}
        ]
      }

      assert {{:error, %Error{kind: :unknown_model, message: message} = error}, server} =
               answer([refused(404, "models/gemini-2.5-flash is not found"), {200, listed}], gemini_ask([]))

      assert Error.exit_status(error) == 2
      assert message =~ ~s(the model "gemini-2.5-flash" is not known)
      assert message =~ "such as gemini-3.8-flash; its provider lists gemini-3.8-flash; change the key model"
      assert [_, %{path: "/v1beta/models?pageSize=1000"}] = ScriptedProvider.requests(server)
    end

    test "is named with the models that the runtime knows if the provider lists none" do
      listed = %{
        data: [%{id: "claude-opus-5-5", lifecycle: "active"}, %{id: "claude-2", lifecycle: "retired"}]
      }

      for {list, text} <- [
            {{200, listed}, "its provider lists claude-opus-5-5;"},
            {{500, %{}}, "claude-sonnet-5-5"}
          ] do
        assert {{:error, %Error{kind: :unknown_model, message: message}}, server} =
                 answer([refused(404, "model: claude-sonnet-4-5"), list], claude_ask([]))

        assert message =~ text
        refute message =~ "claude-2"
        assert [_, %{path: "/v1/models?limit=100"}] = ScriptedProvider.requests(server)
        stop_supervised!(ScriptedProvider)
      end
    end
  end

  describe "thinking models:" do
    test "a thinking block before several texts is no part of the answer, and is sent back unchanged" do
      thinking = %{"type" => "thinking", "thinking" => "", "signature" => "EqQB"}
      texts = [%{type: "text", text: "a: "}, %{type: "text", text: "\n"}, %{type: "text", text: "1"}]
      first = {200, %{content: [thinking | texts], stop_reason: "end_turn"}}
      script = [first, claude_calls([{"1", "answer", %{"score" => 1}}])]
      ask = claude_ask(schema: @schema, model: "claude-sonnet-5-5")
      assert {{:ok, %Answer{value: %{"score" => 1}}}, server} = answer(script, ask)

      assert [_, %{"messages" => [_, %{"content" => [^thinking, %{"text" => "a: "}, %{"text" => "1"}]}, _]}] =
               bodies(server)

      stop_supervised!(ScriptedProvider)
      assert {{:ok, %Answer{text: "a: \n1"}}, _} = answer([first], claude_ask([]))
    end

    test "a thought of gemini's is no part of the answer" do
      parts = [%{text: "Let me think.", thought: true}, %{text: "plan", thoughtSignature: "YWJj"}]
      reply = {200, %{candidates: [%{content: %{parts: parts}, finishReason: "STOP"}]}}
      assert {{:ok, %Answer{text: "plan"}}, _} = answer([reply], gemini_ask([]))
    end
  end

  describe "a turn that is not over:" do
    test "a paused one is sent back as it is, and the texts belong together" do
      pause = fn text -> {200, %{content: [%{type: "text", text: text}], stop_reason: "pause_turn"}} end

      assert {{:ok, %Answer{text: "a: 1", usage: %{calls: 2}}}, server} =
               answer([pause.("a: "), claude("1")], claude_ask([]))

      assert [_, %{"messages" => [_, %{"role" => "assistant", "content" => [%{"text" => "a: "}]}]}] =
               bodies(server)

      stop_supervised!(ScriptedProvider)

      assert {{:error, %Error{kind: :turn_limit}}, _} =
               answer(List.duplicate(pause.("x"), 2), claude_ask(max_turns: 2))
    end

    @tag :tmp_dir
    test "a text before tools is no part of the answer, in a paused turn too", %{tmp_dir: folder} do
      {:ok, workspace} = Workspace.open(Path.join(folder, "w"))
      pause = {200, %{content: [%{type: "text", text: "So far."}], stop_reason: "pause_turn"}}
      empty = {200, %{content: [], stop_reason: "end_turn"}}
      calls = claude_calls([{"1", "Write", %{"path" => "plan.yaml", "content" => "a: 1"}}], "Now I write.")

      assert {{:ok, %Answer{text: "done", usage: %{calls: 4}}}, _} =
               answer([pause, calls, empty, claude("done")], claude_ask(tools: ["Write"]), workspace)
    end

    @tag :tmp_dir
    test "an empty end after tools is reminded of its answer, and nothing is paid twice", %{tmp_dir: folder} do
      {:ok, workspace} = Workspace.open(Path.join(folder, "w"))
      empty = {200, %{content: [], stop_reason: "end_turn", usage: %{output_tokens: 1}}}
      calls = claude_calls([{"1", "Write", %{"path" => "plan.yaml", "content" => "a: 1"}}])
      ask = claude_ask(tools: ["Write"])

      assert {{:ok, %Answer{text: "done", usage: usage}}, server} =
               answer([calls, empty, claude("done")], ask, workspace)

      assert %{calls: 3, output_tokens: 101} = usage
      assert [_, _, %{"messages" => messages}] = bodies(server)
      assert [_, %{"role" => "assistant"}, %{"content" => [%{"type" => "tool_result"}]}, reminder] = messages

      assert %{
               "role" => "user",
               "content" => [%{"text" => "You have ended your turn without an answer" <> _}]
             } = reminder

      stop_supervised!(ScriptedProvider)

      assert {{:error, %Error{kind: :empty_reply, usage: %{calls: 4}}}, _} =
               answer([calls, empty, empty, empty], ask, workspace)
    end

    test "an empty reply to the first prompt is asked for again" do
      empty = {200, %{candidates: [%{finishReason: "STOP", content: %{role: "model"}}]}}

      assert {{:ok, %Answer{text: "plan", usage: %{calls: 2}}}, _} =
               answer([empty, gemini("plan")], gemini_ask([]))
    end
  end

  describe "what is sent" do
    test "has no temperature, unless the step sets one" do
      for {ask, place} <- [{gemini_ask([]), ["generationConfig"]}, {claude_ask([]), []}] do
        {_, server} = answer([any("x")], ask)
        [body] = bodies(server)
        refute Map.has_key?(if(place == [], do: body, else: get_in(body, place)), "temperature")
        stop_supervised!(ScriptedProvider)
        {_, server} = answer([any("x")], %{ask | temperature: 0.5})
        [body] = bodies(server)
        assert get_in(body, place ++ ["temperature"]) == 0.5
        stop_supervised!(ScriptedProvider)
      end
    end

    test "has no blank text, and a prompt of blank texts alone is refused" do
      for ask <- [claude_ask(system_prompt: " "), gemini_ask(system_prompt: "\n")] do
        server = start_supervised!({ScriptedProvider, [any("x")]})
        assert {:ok, _} = Model.answer(ask, ["", "a", " \n"], settings(server, []), nil)
        assert [body] = bodies(server)
        refute Map.has_key?(body, "system")
        refute Map.has_key?(body, "systemInstruction")
        assert [message] = body["messages"] || body["contents"]
        assert [%{"text" => "a"}] = message["content"] || message["parts"]
        stop_supervised!(ScriptedProvider)
      end

      server = start_supervised!({ScriptedProvider, []})

      assert {:error, %Error{kind: :pipeline, message: message}} =
               Model.answer(gemini_ask([]), [" "], settings(server, []), nil)

      assert message =~ "the prompt is blank"
    end

    test "has no keyword beside a reference, and no enum of other values, for gemini" do
      schema = %{
        "$defs" => %{"n" => %{"type" => "integer"}},
        "type" => "object",
        "properties" => %{
          "a" => %{"$ref" => "#/$defs/n", "description" => "x"},
          "b" => %{"const" => true},
          "c" => %{"enum" => [1, "x"]}
        }
      }

      {_, server} = answer([gemini("{}")], gemini_ask(schema: schema))
      assert [%{"generationConfig" => %{"responseJsonSchema" => %{"properties" => sent}}}] = bodies(server)
      assert sent == %{"a" => %{"$ref" => "#/$defs/n"}, "b" => %{}, "c" => %{"enum" => [1, "x"]}}
    end
  end
end
