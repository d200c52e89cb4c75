defmodule Pipeline.Model.AnswerTest do
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

  describe "an answer with a schema" do
    test "comes from a tool that claude is forced to call" do
      script = [claude_calls([{"1", "answer", %{"score" => 8}}])]
      assert {{:ok, answer}, server} = answer(script, claude_ask(schema: @schema))
      assert answer.value == %{"score" => 8}
      assert answer.text == ~s({"score":8})
      assert [body] = bodies(server)
      assert [%{"name" => "answer", "input_schema" => @schema}] = body["tools"]
      assert body["tool_choice"] == %{"type" => "tool", "name" => "answer"}
    end

    test "comes from a tool that claude is instructed to call, if the model cannot be forced" do
      script = [claude_calls([{"1", "answer", %{"score" => 8}}])]
      ask = claude_ask(schema: @schema, model: "claude-opus-5-5", system_prompt: "Be brief.")
      assert {{:ok, %Answer{value: %{"score" => 8}}}, server} = answer(script, ask)
      assert [%{"tools" => [_], "system" => "Be brief.\n\nWhen you are done" <> _} = body] = bodies(server)
      refute Map.has_key?(body, "tool_choice")
    end

    test "that is not an object is wrapped in an object for claude's tool" do
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

    test "may be any JSON if the schema is empty" do
      assert {{:ok, %Answer{value: [nil, 1.5]}}, server} =
               answer([gemini("```json\n[null, 1.5]\n```")], gemini_ask(schema: %{}))

      assert [%{"generationConfig" => config}] = bodies(server)
      assert config["responseMimeType"] == "application/json"
      refute Map.has_key?(config, "responseJsonSchema")
    end

    test "is requested from gemini by a response schema, with the keywords that gemini knows" do
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

    test "that does not fit is corrected by gemini, which gets the problems in the same conversation" do
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

    test "that does not fit is corrected by claude, which gets the problems as the result of its tool call" do
      script = [claude_calls([{"x", "answer", %{}}]), claude_calls([{"y", "answer", %{"score" => 8}}])]

      assert {{:ok, %Answer{value: %{"score" => 8}, usage: usage}}, server} =
               answer(script, claude_ask(schema: @schema))

      assert [_, %{"messages" => [_, %{"role" => "assistant"}, %{"content" => [result]}]}] = bodies(server)
      assert %{"tool_use_id" => "x", "is_error" => true, "content" => content} = result
      assert content =~ ~s(the key "score" is missing)
      assert %{calls: 2, input_tokens: 20, output_tokens: 10} = usage
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
                 [claude_calls([{"1", "answer", %{}}]) |> with_fields(%{"stop_reason" => "max_tokens"})],
                 claude_ask(schema: @schema)
               )
    end
  end
end
