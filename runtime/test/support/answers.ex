defmodule Pipeline.Answers do
  @moduledoc """
  Builds the answers of the providers from the replies in `test/data/replies.json`. A command in the folder above this project
  writes that file from the types of the official SDKs: `python -m tests.support.official_replies`.
  """

  @file_of_replies Path.expand("../data/replies.json", __DIR__)
  @external_resource @file_of_replies
  @replies @file_of_replies |> File.read!() |> :jiffy.decode([:return_maps])

  @type answer :: {pos_integer(), map()}

  @doc "Return the names of all replies of a kind: `\"replies\"`, `\"stop_reasons\"`, `\"errors\"` and so on."
  @spec names(String.t(), String.t()) :: [String.t()]
  def names(provider, kind), do: @replies |> get_in([provider, kind]) |> Map.keys() |> Enum.sort()

  @doc "Return a reply that the types of the provider's SDK have built."
  @spec official(String.t(), String.t(), String.t()) :: answer()
  def official(provider, kind, name), do: {200, @replies |> get_in([provider, kind]) |> Map.fetch!(name)}

  @doc "Return an error that the types of the provider's SDK have built, with its headers."
  @spec official_error(String.t(), String.t()) :: {pos_integer(), map(), [{String.t(), String.t()}]}
  def official_error(provider, name) do
    error = @replies |> get_in([provider, "errors"]) |> Map.fetch!(name)
    {error["status"], error["body"], Map.to_list(error["headers"])}
  end

  @doc "Return Anthropic's list of models."
  @spec claude_models() :: answer()
  def claude_models, do: {200, @replies["anthropic"]["models"]}

  @doc "Return Gemini's reply with this text. `finish` is a member of the SDK's `FinishReason`."
  @spec gemini(String.t(), String.t()) :: answer()
  def gemini(text, finish \\ "STOP"),
    do: official("gemini", "finish_reasons", finish) |> with_text(text)

  @doc "Return Anthropic's reply with this text. `stop` is a member of the SDK's `StopReason`."
  @spec claude(String.t(), String.t()) :: answer()
  def claude(text, stop \\ "end_turn"),
    do: official("anthropic", "stop_reasons", stop) |> with_text(text)

  @doc "Return a reply with another text in its only part or block."
  @spec with_text(answer(), String.t()) :: answer()
  def with_text({200, %{"content" => [block]} = body}, text),
    do: {200, %{body | "content" => [%{block | "text" => text}]}}

  def with_text({200, %{"candidates" => [%{"content" => %{"parts" => [part]}}]} = body}, text),
    do: {200, put_in(body, ["candidates", Access.at(0), "content", "parts"], [%{part | "text" => text}])}

  @doc "Return a reply with other fields at its top, such as `stop_reason` and `usage`."
  @spec with_fields(answer(), map()) :: answer()
  def with_fields({200, body}, fields), do: {200, Map.merge(body, fields)}

  @doc "Return Gemini's reply with any finish reason, even one that the SDK does not have."
  @spec with_finish(answer(), term()) :: answer()
  def with_finish({200, body}, finish),
    do: {200, put_in(body, ["candidates", Access.at(0), "finishReason"], finish)}

  @doc "Return an error with this status and message, in the form that both providers have."
  @spec error_reply(pos_integer(), String.t()) :: answer()
  def error_reply(status, message) do
    {_, body, []} = official_error("anthropic", "invalid_request_error")
    {status, put_in(body, ["error", "message"], message)}
  end

  @doc "Return an answer in which Claude calls tools, each given as `{id, name, input}`."
  @spec claude_calls([{String.t(), String.t(), term()}], String.t()) :: answer()
  def claude_calls(calls, text \\ "") do
    {200, %{"content" => [text_block, tool_block | _]} = body} =
      official("anthropic", "replies", "tools_with_text")

    texts = if text == "", do: [], else: [%{text_block | "text" => text}]
    uses = for {id, name, input} <- calls, do: %{tool_block | "id" => id, "name" => name, "input" => input}
    {200, %{body | "content" => texts ++ uses}}
  end

  @doc "Return an answer that the runtime accepts from both providers, for tests in which either may be called first."
  @spec any(String.t()) :: answer()
  def any(text) do
    {{200, claude}, {200, gemini}} = {claude(text), gemini(text)}
    {200, Map.merge(claude, gemini)}
  end
end
