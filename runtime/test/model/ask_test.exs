defmodule Pipeline.Model.AskTest do
  use ExUnit.Case, async: true

  alias Pipeline.Loader

  test "no model is asked for more tokens than it takes, unless a step says so" do
    for {model, most} <- [
          {"opus", 32_000},
          {"claude-opus-4-20250514", 32_000},
          {"claude-opus-4-5", 32_768},
          {"claude-sonnet-4-5", 32_768},
          {"claude-3-7-sonnet-latest", 32_768},
          {"claude-3-5-haiku-latest", 8_192},
          {"claude-3-haiku-20240307", 4_096}
        ] do
      step = "{name: one, type: claude, model: #{model}, prompt: [{type: static, content: x}]}"
      assert {:ok, pipeline} = Loader.parse("workflow: {name: a, steps: [#{step}]}", "p.yaml")
      assert {model, most} == {model, hd(pipeline.steps).action.max_tokens}
    end
  end
end
