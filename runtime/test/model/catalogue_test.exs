defmodule Pipeline.Model.CatalogueTest do
  use ExUnit.Case, async: true

  alias Pipeline.Generate
  alias Pipeline.Loader
  alias Pipeline.Model.Catalogue

  defp ask(step) do
    text = "workflow: {name: a, steps: [{name: one, #{step}, prompt: [{type: static, content: x}]}]}"
    assert {:ok, pipeline} = Loader.parse(text, "p.yaml")
    hd(pipeline.steps).action
  end

  test "no model is asked for more tokens than it takes, unless a step says so" do
    for {model, limit} <- [
          {"opus", 64_000},
          {"claude-opus-4-1", 32_000},
          {"claude-opus-4-20250514", 32_000},
          {"claude-opus-4-5", 64_000},
          {"claude-sonnet-5-5", 64_000},
          {"claude-3-7-sonnet-latest", 64_000},
          {"claude-3-5-haiku-latest", 8_192},
          {"claude-3-haiku-20240307", 4_096}
        ] do
      assert {model, limit} == {model, ask("type: claude, model: #{model}").max_tokens}
    end

    assert ask("type: gemini, model: gemini-2.0-flash").max_tokens == 8_192
    assert ask("type: gemini").max_tokens == 65_536
    assert ask("type: gemini, max_tokens: 70000").max_tokens == 70_000
  end

  test "defaults and short names are current models, also in the shipped pipeline" do
    assert ask("type: gemini").model == "gemini-3.8-flash"
    assert ask("type: claude").model == "claude-sonnet-5-5"
    assert ask("type: claude, model: sonnet").model == "claude-sonnet-5-5"
    assert ask("type: claude, model: opus").model == "claude-opus-5-5"
    assert ask("type: claude, model: haiku").model == "claude-haiku-5-5"
    assert ask("type: claude, model: opus, via: program").model == "opus"
    assert {:ok, %{steps: [%{action: action}]}} = Loader.load(Generate.genesis())
    assert action.model == Catalogue.default(:gemini)
    assert action.temperature == nil
  end

  test "a version of the model that was asked is the same model, and any other name is another" do
    for {asked, answered} <- [
          {"gemini-3.8-flash", "gemini-3.8-flash"},
          {"gemini-3.8-flash", "models/gemini-3.8-flash-001"},
          {"models/gemini-3.8-flash", "gemini-3.8-flash-preview-05-20"},
          {"gemini-3.8-flash", "gemini-3.8-flash-09-2026"},
          {"claude-sonnet-5-5", "claude-sonnet-5-5-20260929"},
          {"claude-3-5-haiku-latest", "claude-3-5-haiku-20241022"},
          {"sonnet", "claude-sonnet-5-5[1m]"}
        ] do
      assert Catalogue.same?(asked, answered), inspect({asked, answered})
    end

    for {asked, answered} <- [
          {"gemini-3.8-flash", "gemini-3.8-flash-lite"},
          {"gemini-3.8-flash", "gemini-2.5-flash"},
          {"claude-opus-5", "claude-opus-5-5"},
          {"claude-sonnet-5-5-20260929", "claude-sonnet-5-5-20260101"},
          {"opus", "claude-sonnet-5-5"}
        ] do
      refute Catalogue.same?(asked, answered), inspect({asked, answered})
    end
  end
end
