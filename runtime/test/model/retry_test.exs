defmodule Pipeline.Model.RetryTest do
  use ExUnit.Case, async: true

  import Pipeline.Answers
  import Pipeline.ModelCalls

  alias Pipeline.Error
  alias Pipeline.Model.Answer

  @schema %{
    "type" => "object",
    "properties" => %{"score" => %{"type" => "integer", "minimum" => 0}},
    "required" => ["score"]
  }

  describe "a fault of the provider:" do
    # Only a time-out needs a short time limit, which a busy machine could exceed in other calls.
    for {name, failure} <- [
          {"too many requests", official_error("gemini", "per_minute")},
          {"an error of the server", official_error("gemini", "internal")},
          {"an unavailable service", official_error("gemini", "unavailable")},
          {"an overload", official_error("anthropic", "overloaded_error")},
          {"a time-out of the gateway", official_error("anthropic", "timeout_error")},
          {"a lost connection", :close},
          {"a time-out", :hang},
          {"a reply that is not JSON", {200, "{"}}
        ] do
      limit = if failure == :hang, do: [timeout: 3_000], else: []

      test "the call is repeated after #{name}" do
        assert {{:ok, %Answer{text: "plan"}}, server} =
                 answer([unquote(Macro.escape(failure)), gemini("plan")], gemini_ask([]), nil, unquote(limit))

        assert [same, same] = bodies(server)
      end
    end

    for status <- [400, 401, 403, 422] do
      test "a call that is answered by #{status} is not repeated" do
        assert {{:error, %Error{}}, server} = answer([{unquote(status), %{}}], gemini_ask([]))
        assert [_] = bodies(server)
      end
    end

    test "the settings limit the tries, and the error says how many there were" do
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
      limited = official_error("anthropic", "rate_limit_error")
      assert {429, _, [{"retry-after", "1"}]} = limited
      script = [limited, {503, %{}, [{"retry-after", date}]}, gemini("plan")]
      start = System.monotonic_time(:millisecond)
      assert {{:ok, _}, _} = answer(script, gemini_ask([]))
      assert (System.monotonic_time(:millisecond) - start) in 1_000..20_000
    end

    test "the call is not repeated if the provider asks to wait for an hour" do
      {429, body, _} = official_error("anthropic", "rate_limit_error")
      script = [{429, body, [{"retry-after", "3600"}]}]
      assert {{:error, %Error{kind: :rate_limit}}, server} = answer(script, gemini_ask([]))
      assert [_] = bodies(server)
    end

    test "each call of a conversation has its own tries" do
      script = [{503, %{}}, claude("no JSON"), {503, %{}}, claude("{\"score\": 1}")]

      assert {{:ok, %Answer{value: %{"score" => 1}}}, _} =
               answer(script, claude_ask(schema: @schema), nil, retries: 1)
    end
  end

  describe "a reply of an unknown shape is an error of the provider:" do
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

    test "a finish reason that is not a text" do
      script = [{200, %{candidates: [%{finishReason: %{a: 1}}]}}]

      assert {{:error, %Error{kind: :provider_unavailable}}, _} =
               answer(script, gemini_ask([]), nil, retries: 0)
    end
  end
end
