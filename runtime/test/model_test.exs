defmodule Pipeline.ModelTest do
  use ExUnit.Case, async: true

  import Pipeline.Answers
  import Pipeline.ModelCalls

  alias Pipeline.{Error, ScriptedProvider}
  alias Pipeline.Files.Workspace
  alias Pipeline.Model.Answer

  @schema %{
    "type" => "object",
    "properties" => %{"score" => %{"type" => "integer", "minimum" => 0}},
    "required" => ["score"]
  }

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

    test "are called after thoughts and beside a text, and the thoughts are sent back", %{
      workspace: workspace
    } do
      :ok = Workspace.write(workspace, "a.md", "old text")

      {200, %{"content" => [thinking, redacted | _]}} =
        calls = official("anthropic", "replies", "tools_with_thinking")

      single = official("anthropic", "replies", "tool")

      assert {{:ok, %Answer{text: "done"}}, server} =
               answer([calls, single, claude("done")], claude_ask(tools: ["Read", "Write"]), workspace)

      assert [_, second, third] = bodies(server)
      assert [_, %{"content" => [^thinking, ^redacted, %{"text" => _}, _, _]}, results] = second["messages"]
      assert [%{"content" => "old text"}, %{"is_error" => false}] = results["content"]
      assert [%{"content" => "old text"}] = List.last(third["messages"])["content"]
      assert Workspace.read(workspace, "b.md") == {:ok, "x"}
    end

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

    test "that are not allowed, or do not exist, return an error to the model", %{workspace: workspace} do
      script = [
        claude_calls([{"1", "Write", %{"path" => "a", "content" => "x"}}, {"2", "Bash", %{"command" => "id"}}]),
        claude("ok")
      ]

      assert {{:ok, _}, server} = answer(script, claude_ask(tools: ["Read"]), workspace)

      assert [_, %{"messages" => [_, _, %{"content" => [%{"is_error" => true}, %{"is_error" => true}]}]}] =
               bodies(server)

      assert Workspace.list(workspace, ".") == {:ok, []}
    end

    test "may be used in at most max_turns turns", %{workspace: workspace} do
      script = List.duplicate(claude_calls([{"1", "List", %{"path" => "."}}]), 3)

      assert {{:error, %Error{kind: :turn_limit, message: message}}, server} =
               answer(script, claude_ask(tools: ["List"], max_turns: 3), workspace)

      assert message =~ "after 3 turns"
      assert length(bodies(server)) == 3
    end

    test "may not be more than fifty in one reply", %{workspace: workspace} do
      calls = for n <- 1..51, do: {"#{n}", "Write", %{"path" => "#{n}", "content" => "x"}}

      assert {{:error, %Error{kind: :turn_limit, message: message, usage: %{calls: 1}}}, _} =
               answer([claude_calls(calls)], claude_ask(tools: ["Write"]), workspace)

      assert message =~ "called 51 tools at once"
      assert Workspace.list(workspace, ".") == {:ok, []}
    end

    test "may be used in a step with a schema", %{workspace: workspace} do
      script = [
        claude_calls([{"1", "Write", %{"path" => "a", "content" => "x"}}, {"2", "answer", %{"score" => 1}}])
      ]

      ask = claude_ask(tools: ["Write"], schema: @schema)
      assert {{:ok, %Answer{value: %{"score" => 1}}}, server} = answer(script, ask, workspace)
      assert Workspace.read(workspace, "a") == {:ok, "x"}
      assert [%{"tools" => [%{"name" => "Write"}, %{"name" => "answer"}]} = body] = bodies(server)
      refute Map.has_key?(body, "tool_choice")
    end

    test "that failed beside an answer are reported to the model, and the answer does not count", %{
      workspace: workspace
    } do
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

  describe "a reply that is not an answer yet:" do
    test "a paused turn is sent back unchanged, and its text is the beginning of the answer" do
      pause = &claude(&1, "pause_turn")

      assert {{:ok, %Answer{text: "a: 1", usage: %{calls: 2}}}, server} =
               answer([pause.("a: "), claude("1")], claude_ask([]))

      assert [_, %{"messages" => [_, %{"role" => "assistant", "content" => [%{"text" => "a: "}]}]}] =
               bodies(server)

      stop_supervised!(ScriptedProvider)

      assert {{:error, %Error{kind: :turn_limit}}, _} =
               answer(List.duplicate(pause.("x"), 2), claude_ask(max_turns: 2))
    end

    @tag :tmp_dir
    test "a text before tool calls is not part of the answer, even if its turn was paused", %{tmp_dir: folder} do
      {:ok, workspace} = Workspace.open(Path.join(folder, "w"))
      pause = claude("So far.", "pause_turn")
      empty = official("anthropic", "replies", "empty")
      calls = claude_calls([{"1", "Write", %{"path" => "plan.yaml", "content" => "a: 1"}}], "Now I write.")

      assert {{:ok, %Answer{text: "done", usage: %{calls: 4}}}, _} =
               answer([pause, calls, empty, claude("done")], claude_ask(tools: ["Write"]), workspace)
    end

    @tag :tmp_dir
    test "a model that ends its turn with nothing after tools is reminded of its answer, and no call is repeated",
         %{tmp_dir: folder} do
      {:ok, workspace} = Workspace.open(Path.join(folder, "w"))
      empty = official("anthropic", "replies", "empty")
      calls = claude_calls([{"1", "Write", %{"path" => "plan.yaml", "content" => "a: 1"}}])
      ask = claude_ask(tools: ["Write"])

      assert {{:ok, %Answer{text: "done", usage: usage}}, server} =
               answer([calls, empty, claude("done")], ask, workspace)

      assert %{calls: 3, output_tokens: 15} = usage
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

    test "the call is repeated after an empty reply to the first prompt" do
      empty = official("gemini", "replies", "empty")

      assert {{:ok, %Answer{text: "plan", usage: %{calls: 2}}}, _} =
               answer([empty, gemini("plan")], gemini_ask([]))
    end
  end

  describe "a model that its provider does not know" do
    test "is an error that the user can mend, and that lists the provider's models" do
      listed = %{
        models: [
          %{name: "models/gemini-3.8-flash", supportedGenerationMethods: ["generateContent"]},
          %{name: "models/embedding-9", supportedGenerationMethods: ["embedContent"]}
        ]
      }

      assert {{:error, %Error{kind: :unknown_model, message: message} = error}, server} =
               answer([official_error("gemini", "unknown_model"), {200, listed}], gemini_ask([]))

      assert Error.exit_status(error) == 2
      assert message =~ ~s(the model "gemini-2.5-flash" is not known)
      assert message =~ "such as gemini-3.8-flash; its provider lists gemini-3.8-flash; change the key model"
      assert [_, %{path: "/v1beta/models?pageSize=1000"}] = ScriptedProvider.requests(server)
    end

    test "is an error that names the models that the runtime knows if the provider lists none" do
      for {list, text} <- [
            {claude_models(), "its provider lists claude-opus-5-5;"},
            {{500, %{}}, "claude-sonnet-5-5"}
          ] do
        assert {{:error, %Error{kind: :unknown_model, message: message}}, server} =
                 answer([official_error("anthropic", "not_found_error"), list], claude_ask([]))

        assert message =~ text
        refute message =~ "claude-2"
        assert [_, %{path: "/v1/models?limit=100"}] = ScriptedProvider.requests(server)
        stop_supervised!(ScriptedProvider)
      end
    end
  end

  describe "thinking models:" do
    test "a thinking block before several texts is not part of the answer, and is sent back unchanged" do
      {200, %{"content" => [thinking, redacted | _]}} =
        first = official("anthropic", "replies", "several_texts")

      script = [first, claude_calls([{"1", "answer", %{"score" => 1}}])]
      ask = claude_ask(schema: @schema, model: "claude-sonnet-5-5")
      assert {{:ok, %Answer{value: %{"score" => 1}}}, server} = answer(script, ask)

      assert [_, %{"messages" => [_, %{"content" => [^thinking, ^redacted | texts]}, _]}] = bodies(server)
      assert [%{"text" => "a: "}, %{"text" => "1"}] = texts

      stop_supervised!(ScriptedProvider)
      assert {{:ok, %Answer{text: "a: \n1"}}, _} = answer([first], claude_ask([]))
    end

    test "a thought of gemini is not part of the answer" do
      for {name, text} <- [{"thought_first", "title: a plan"}, {"several_texts", "a: \n1"}] do
        reply = official("gemini", "replies", name)
        assert {{:ok, %Answer{text: ^text}}, _} = answer([reply], gemini_ask([]))
        stop_supervised!(ScriptedProvider)
      end
    end
  end
end
