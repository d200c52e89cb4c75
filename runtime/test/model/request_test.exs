defmodule Pipeline.Model.RequestTest do
  use ExUnit.Case, async: true

  import Pipeline.Answers
  import Pipeline.ModelCalls

  alias Pipeline.{Error, Model, ScriptedProvider}

  describe "a request" do
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

    test "has no blank text, and a prompt that has only blank texts is refused" do
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

    test "to gemini has no keyword beside a reference, and only texts and numbers in an enum" do
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
