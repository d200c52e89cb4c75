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
      {200, unnamed} = gemini("{}") |> with_fields(%{"usageMetadata" => %{"promptTokenCount" => 100}})
      script = [gemini("x"), {200, Map.delete(unnamed, "modelVersion")}]
      ask = gemini_ask(schema: %{}, model: "gemini-3.8-flash")
      assert {{:ok, %Answer{usage: usage}}, _} = answer(script, ask)
      assert %{calls: 2, input_tokens: 1000, output_tokens: 40, thought_tokens: 8000} = usage

      assert [%{provider: :gemini, asked: "gemini-3.8-flash", model: "gemini-3.8-flash", calls: 2}] =
               usage.models
    end

    test "of an error has everything that was paid for" do
      call = claude_calls([{"1", "answer", %{}}])
      stopped = &with_fields(call, %{"stop_reason" => &1})

      for {script, ask, kind, calls} <- [
            {List.duplicate(call, 3), claude_ask(schema: @schema), :invalid_answer, 3},
            {[call, error_reply(400, "no")], claude_ask(schema: @schema), :bad_request, 1},
            {[stopped.("max_tokens")], claude_ask(schema: @schema), :truncated, 1},
            {[stopped.("refusal")], claude_ask(schema: @schema), :blocked, 1},
            {[official("anthropic", "replies", "empty")], claude_ask(retries: 0), :empty_reply, 1}
          ] do
        assert {{:error, %Error{kind: ^kind, usage: used}}, _} = answer(script, ask)
        assert {kind, used.calls, used.input_tokens} == {kind, calls, calls * 10}
        stop_supervised!(ScriptedProvider)
      end
    end

    test "counts cached input and thoughts separately, and names the model that was asked and the model that answered" do
      reply = official("anthropic", "replies", "counted")
      assert {{:ok, %Answer{usage: usage}}, _} = answer([reply], claude_ask([]))

      assert [
               %{
                 asked: "claude-sonnet-4-5",
                 model: "claude-sonnet-5-5",
                 input_tokens: 1,
                 cached_input_tokens: 2,
                 cache_write_tokens: 3,
                 output_tokens: 6,
                 thought_tokens: 4
               }
             ] = usage.models

      assert Usage.substitutions(usage) == [{"claude-sonnet-4-5", "claude-sonnet-5-5"}]
      stop_supervised!(ScriptedProvider)

      reply =
        official("gemini", "replies", "counted") |> with_fields(%{"modelVersion" => "gemini-2.5-flash-001"})

      assert {{:ok, %Answer{usage: usage}}, _} = answer([reply], gemini_ask([]))
      assert %{input_tokens: 840, cached_input_tokens: 60, output_tokens: 40, thought_tokens: 8000} = usage
      assert Usage.substitutions(usage) == []
    end
  end
end
