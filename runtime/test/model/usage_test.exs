defmodule Pipeline.Model.UsageTest do
  use ExUnit.Case, async: true

  import Pipeline.Answers
  import Pipeline.ModelCalls

  alias Pipeline.{Error, ScriptedProvider}
  alias Pipeline.Model.{Answer, Usage}

  @schema %{
    "type" => "object",
    "properties" => %{"score" => %{"type" => "integer", "minimum" => 0}},
    "required" => ["score"]
  }

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
end
