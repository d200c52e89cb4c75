defmodule Pipeline.Model.VerdictTest do
  @moduledoc """
  Tests the tables of verdicts. They have to cover the enumerations of the official SDKs, from whose types
  `test/data/replies.json` is built.
  """

  use ExUnit.Case, async: true

  import Pipeline.Answers

  alias Pipeline.{Error, Model, ScriptedProvider}
  alias Pipeline.Model.{Answer, Ask}
  alias Pipeline.Model.Provider.{Anthropic, Gemini}

  # A text that looks like a plan. Replies that are not plans because of their finish reason have this text, too.
  @plan "title: a plan"

  test "each table has every member of its enumeration, and no other" do
    assert names("gemini", "finish_reasons") == Enum.sort(Map.keys(Gemini.finish_reasons()))
    assert names("gemini", "block_reasons") == Enum.sort(Map.keys(Gemini.block_reasons()))
    assert names("anthropic", "stop_reasons") == Enum.sort(Map.keys(Anthropic.stop_reasons()))
  end

  # Serve the reply for the first call and for each retry. Return the answer and the number of calls.
  defp answer(ask, reply, retries \\ 1) do
    server = start_supervised!({ScriptedProvider, List.duplicate(reply, retries + 1)}, id: make_ref())
    settings = ScriptedProvider.settings(server, retries: retries, retry_base: 1)
    answer = Model.answer(ask, ["do it"], settings, nil)
    {answer, length(ScriptedProvider.requests(server))}
  end

  defp gemini_answer(reply),
    do: answer(%Ask{provider: :gemini, model: "gemini-3.8-flash", prompt: []}, reply)

  defp claude_answer(reply),
    do: answer(%Ask{provider: :anthropic, model: "claude-sonnet-5-5", prompt: []}, reply)

  # For each verdict, the kind of the error and the number of calls, if one retry is allowed.
  @expected %{
    output_limit: {:truncated, 1},
    context_limit: {:context_window, 1},
    refused: {:blocked, 1},
    sample_refused: {:blocked, 2},
    passing_fault: {:provider_unavailable, 2},
    request_fault: {:bad_request, 1},
    account_disabled: {:account_disabled, 1}
  }

  for reason <- names("gemini", "finish_reasons"), reason != "STOP" do
    test "Gemini's finishReason #{reason} is not a plan" do
      {kind, calls} = @expected[Gemini.finish_reasons()[unquote(reason)]]

      assert {{:error, %Error{kind: ^kind, message: message, usage: usage}}, ^calls} =
               gemini_answer(official("gemini", "finish_reasons", unquote(reason)))

      assert message =~ "finishReason " <> unquote(reason)
      assert {usage.calls, usage.thought_tokens} == {calls, calls * 8000}
    end
  end

  for reason <- names("gemini", "block_reasons") do
    test "Gemini's blockReason #{reason} is not a plan, even with a text beside it" do
      {kind, calls} = @expected[Gemini.block_reasons()[unquote(reason)]]
      {200, blocked} = official("gemini", "block_reasons", unquote(reason))

      for reply <- [{200, blocked}, gemini(@plan) |> with_fields(blocked)] do
        assert {{:error, %Error{kind: ^kind, message: message}}, ^calls} = gemini_answer(reply)
        assert message =~ "blockReason " <> unquote(reason)
      end
    end
  end

  for reason <- names("anthropic", "stop_reasons"),
      reason not in ["end_turn", "stop_sequence", "pause_turn", "tool_use"] do
    test "Claude's stop_reason #{reason} is not a plan" do
      {kind, calls} = @expected[Anthropic.stop_reasons()[unquote(reason)]]

      assert {{:error, %Error{kind: ^kind, message: message}}, ^calls} =
               claude_answer(official("anthropic", "stop_reasons", unquote(reason)))

      assert message =~ unquote(reason)
    end
  end

  test "whole replies are answers, also after thoughts and in several parts" do
    for reply <- [gemini(@plan), official("gemini", "replies", "thought_first")],
        do: assert({{:ok, %Answer{text: @plan}}, 1} = gemini_answer(reply))

    for reply <- [
          claude(@plan),
          claude(@plan, "stop_sequence"),
          official("anthropic", "replies", "thinking_first")
        ],
        do: assert({{:ok, %Answer{text: @plan}}, 1} = claude_answer(reply))

    assert {{:ok, %Answer{text: "a: \n1"}}, 1} = gemini_answer(official("gemini", "replies", "several_texts"))

    assert {{:ok, %Answer{text: "a: \n1"}}, 1} =
             claude_answer(official("anthropic", "replies", "several_texts"))
  end

  test "a reply with an unknown reason, or without a reason, is an error, and the call is repeated" do
    assert {{:error, %Error{kind: :provider_unavailable, message: message}}, 2} =
             gemini_answer(gemini(@plan) |> with_finish("NEW_REASON"))

    assert message =~ "that this runtime does not know (finishReason NEW_REASON)"

    assert {{:error, %Error{kind: :provider_unavailable}}, 2} =
             gemini_answer(gemini(@plan) |> with_finish(nil))

    claude = fn reason -> claude_answer(claude(@plan) |> with_fields(%{"stop_reason" => reason})) end
    assert {{:error, %Error{kind: :provider_unavailable, message: message}}, 2} = claude.("new_reason")
    assert message =~ "stop_reason new_reason"
    assert {{:error, %Error{kind: :provider_unavailable}}, 2} = claude.(nil)
    assert {{:error, %Error{kind: :provider_unavailable}}, 2} = claude.("tool_use")
  end

  test "the call is repeated after a fault without content, and the usage of both calls is counted" do
    ask = %Ask{provider: :gemini, model: "gemini-3.8-flash", prompt: []}
    fault = official("gemini", "replies", "no_content")
    server = start_supervised!({ScriptedProvider, [fault, gemini(@plan)]})
    settings = ScriptedProvider.settings(server, retries: 1, retry_base: 1)
    assert {:ok, %Answer{text: @plan, usage: usage}} = Model.answer(ask, ["do it"], settings, nil)
    assert %{calls: 2, input_tokens: 1800, output_tokens: 80, thought_tokens: 16_000} = usage
  end

  test "a refusal is reported with its explanation, and a full context window without a word about max_tokens" do
    assert {{:error, %Error{message: message}}, 1} = claude_answer(claude(@plan, "refusal"))
    assert message =~ "(refusal: cyber: It asks for an exploit.)"

    assert {{:error, %Error{message: message}}, 1} =
             claude_answer(claude(@plan, "model_context_window_exceeded"))

    refute message =~ "max_tokens"
    assert message =~ "context window"
  end
end
