defmodule Pipeline.Answers do
  @moduledoc "Builds replies of the providers, in their own shapes."

  @spec gemini(String.t(), String.t()) :: {200, map()}
  def gemini(text, finish \\ "STOP"),
    do: {200, %{candidates: [%{content: %{role: "model", parts: [%{text: text}]}, finishReason: finish}]}}

  @spec claude(String.t(), String.t()) :: {200, map()}
  def claude(text, stop \\ "end_turn"),
    do: {200, %{content: [%{type: "text", text: text}], stop_reason: stop}}

  @spec refused(pos_integer(), String.t()) :: {pos_integer(), map()}
  def refused(status, message), do: {status, %{error: %{message: message}}}

  @doc "Return a reply in which Claude calls tools, each as `{id, name, input}`."
  @spec claude_calls([{String.t(), String.t(), term()}], String.t()) :: {200, map()}
  def claude_calls(calls, text \\ "") do
    texts = if text == "", do: [], else: [%{type: "text", text: text}]
    uses = for {id, name, input} <- calls, do: %{type: "tool_use", id: id, name: name, input: input}

    {200,
     %{content: texts ++ uses, stop_reason: "tool_use", usage: %{input_tokens: 1000, output_tokens: 100}}}
  end

  @doc "Return the text in both shapes at once, for tests in which either provider may be asked first."
  @spec any(String.t()) :: {200, map()}
  def any(text) do
    {{200, claude}, {200, gemini}} = {claude(text), gemini(text)}
    {200, Map.merge(claude, gemini)}
  end
end
