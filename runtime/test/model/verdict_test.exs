defmodule Pipeline.Model.VerdictTest do
  @moduledoc """
  The tables of finish reasons cover the enumerations of the official SDKs, which `test/data/finish_reasons.json` lists.
  """

  use ExUnit.Case, async: true

  alias Pipeline.{Error, Model, ScriptedProvider}
  alias Pipeline.Model.{Answer, Ask}
  alias Pipeline.Model.Provider.{Anthropic, Gemini}

  @members "../data/finish_reasons.json"
           |> Path.expand(__DIR__)
           |> File.read!()
           |> :jiffy.decode([:return_maps])
  @plan "title: a plan"

  test "each table has every member of its enumeration, and no other" do
    assert Enum.sort(@members["gemini"]["FinishReason"]) == Enum.sort(Map.keys(Gemini.finish_reasons()))
    assert Enum.sort(@members["gemini"]["BlockedReason"]) == Enum.sort(Map.keys(Gemini.block_reasons()))
    assert Enum.sort(@members["anthropic"]["StopReason"]) == Enum.sort(Map.keys(Anthropic.stop_reasons()))
  end

  # Every reason beside a text that looks like a plan, and the same reply once more for those that are asked again.
  defp answer(ask, reply, retries \\ 1) do
    server = start_supervised!({ScriptedProvider, List.duplicate({200, reply}, retries + 1)}, id: make_ref())
    settings = ScriptedProvider.settings(server, retries: retries, retry_base: 1)
    answer = Model.answer(ask, ["do it"], settings, nil)
    {answer, length(ScriptedProvider.requests(server))}
  end

  defp gemini(fields) do
    ask = %Ask{provider: :gemini, model: "gemini-3.8-flash", prompt: []}

    answer(
      ask,
      Map.put(fields, :usageMetadata, %{
        promptTokenCount: 900,
        candidatesTokenCount: 40,
        thoughtsTokenCount: 8000
      })
    )
  end

  defp candidate(reason),
    do: %{candidates: [%{finishReason: reason, content: %{role: "model", parts: [%{text: @plan}]}}]}

  defp claude(reason, fields \\ %{}) do
    ask = %Ask{provider: :anthropic, model: "claude-sonnet-5-5", prompt: []}

    reply = %{
      content: [%{type: "text", text: @plan}],
      stop_reason: reason,
      usage: %{input_tokens: 10, output_tokens: 20}
    }

    answer(ask, Map.merge(reply, fields))
  end

  # Kind of the error, and how many calls were made with one retry.
  @expected %{
    output_limit: {:truncated, 1},
    context_limit: {:context_window, 1},
    refused: {:blocked, 1},
    sample_refused: {:blocked, 2},
    passing_fault: {:provider_unavailable, 2},
    request_fault: {:bad_request, 1},
    account_disabled: {:account_disabled, 1}
  }

  for reason <- @members["gemini"]["FinishReason"], reason != "STOP" do
    test "Gemini's finishReason #{reason} is no plan" do
      {kind, calls} = @expected[Gemini.finish_reasons()[unquote(reason)]]

      assert {{:error, %Error{kind: ^kind, message: message, usage: usage}}, ^calls} =
               gemini(candidate(unquote(reason)))

      assert message =~ "finishReason " <> unquote(reason)
      assert {usage.calls, usage.thought_tokens} == {calls, calls * 8000}
    end
  end

  for reason <- @members["gemini"]["BlockedReason"] do
    test "Gemini's blockReason #{reason} is no plan, whatever stands beside it" do
      {kind, calls} = @expected[Gemini.block_reasons()[unquote(reason)]]
      reply = Map.put(candidate("STOP"), :promptFeedback, %{blockReason: unquote(reason)})
      assert {{:error, %Error{kind: ^kind, message: message}}, ^calls} = gemini(reply)
      assert message =~ "blockReason " <> unquote(reason)
    end
  end

  for reason <- @members["anthropic"]["StopReason"],
      reason not in ["end_turn", "stop_sequence", "pause_turn", "tool_use"] do
    test "Claude's stop_reason #{reason} is no plan" do
      {kind, calls} = @expected[Anthropic.stop_reasons()[unquote(reason)]]
      assert {{:error, %Error{kind: ^kind, message: message}}, ^calls} = claude(unquote(reason))
      assert message =~ "stop_reason " <> unquote(reason)
    end
  end

  test "whole replies are answers" do
    assert {{:ok, %Answer{text: @plan}}, 1} = gemini(candidate("STOP"))
    assert {{:ok, %Answer{text: @plan}}, 1} = claude("end_turn")
    assert {{:ok, %Answer{text: @plan}}, 1} = claude("stop_sequence")
  end

  test "a reason that no table has, or none, is a failure that is asked again" do
    assert {{:error, %Error{kind: :provider_unavailable, message: message}}, 2} =
             gemini(candidate("NEW_REASON"))

    assert message =~ "that this runtime does not know (finishReason NEW_REASON)"
    assert {{:error, %Error{kind: :provider_unavailable}}, 2} = gemini(candidate(nil))
    assert {{:error, %Error{kind: :provider_unavailable, message: message}}, 2} = claude("new_reason")
    assert message =~ "stop_reason new_reason"
    assert {{:error, %Error{kind: :provider_unavailable}}, 2} = claude(nil)
    assert {{:error, %Error{kind: :provider_unavailable}}, 2} = claude("tool_use")
  end

  test "a fault without content is asked again, and what it used is counted" do
    ask = %Ask{provider: :gemini, model: "gemini-3.8-flash", prompt: []}
    usage = %{promptTokenCount: 900, candidatesTokenCount: 40, thoughtsTokenCount: 8000}
    fault = {200, %{candidates: [%{finishReason: "MALFORMED_FUNCTION_CALL", index: 0}], usageMetadata: usage}}
    server = start_supervised!({ScriptedProvider, [fault, {200, candidate("STOP")}]})
    settings = ScriptedProvider.settings(server, retries: 1, retry_base: 1)
    assert {:ok, %Answer{text: @plan, usage: usage}} = Model.answer(ask, ["do it"], settings, nil)
    assert %{calls: 2, input_tokens: 900, output_tokens: 40, thought_tokens: 8000} = usage
  end

  test "a refusal is told with its explanation, and a full context window is not blamed on max_tokens" do
    details = %{type: "refusal", category: "cyber", explanation: "It asks for an exploit."}
    assert {{:error, %Error{message: message}}, 1} = claude("refusal", %{stop_details: details})
    assert message =~ "(refusal: cyber: It asks for an exploit.)"
    assert {{:error, %Error{message: message}}, 1} = claude("model_context_window_exceeded")
    refute message =~ "max_tokens"
    assert message =~ "context window"
  end
end
