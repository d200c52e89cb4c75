defmodule Pipeline.Model.Provider.Gemini do
  @moduledoc """
  Asks Google's Gemini over `models.generateContent` (https://ai.google.dev/api/generate-content).

  If a step has a schema, the request asks for JSON with this response schema.
  """

  @behaviour Pipeline.Model.Provider

  alias Pipeline.Error
  alias Pipeline.Model.{HTTP, Provider, Reply, Request, Usage, Verdict}

  @finish_reasons %{
    "STOP" => :complete,
    "MAX_TOKENS" => :output_limit,
    # The reply reached the limit of output tokens that the request sets.
    "CONTINUATION" => :output_limit,
    "SAFETY" => :refused,
    "BLOCKLIST" => :refused,
    "PROHIBITED_CONTENT" => :refused,
    "SPII" => :refused,
    "LANGUAGE" => :refused,
    "ESCALATION" => :refused,
    "MODEL_ARMOR" => :refused,
    "IMAGE_SAFETY" => :refused,
    "IMAGE_PROHIBITED_CONTENT" => :refused,
    # The filter compares the reply with known texts: another sample may pass.
    "RECITATION" => :sample_refused,
    "IMAGE_RECITATION" => :sample_refused,
    "FINISH_REASON_UNSPECIFIED" => :passing_fault,
    "OTHER" => :passing_fault,
    "IMAGE_OTHER" => :passing_fault,
    "NO_IMAGE" => :passing_fault,
    "MALFORMED_FUNCTION_CALL" => :passing_fault,
    "MALFORMED_RESPONSE" => :passing_fault,
    "UNEXPECTED_TOOL_CALL" => :passing_fault,
    "TOO_MANY_TOOL_CALLS" => :passing_fault,
    "MISSING_THOUGHT_SIGNATURE" => :request_fault,
    "PUP_LIMITED_DISABLED" => :account_disabled
  }

  @block_reasons %{
    "BLOCKED_REASON_UNSPECIFIED" => :passing_fault,
    "SAFETY" => :refused,
    "OTHER" => :refused,
    "BLOCKLIST" => :refused,
    "PROHIBITED_CONTENT" => :refused,
    "IMAGE_SAFETY" => :refused,
    "MODEL_ARMOR" => :refused,
    "JAILBREAK" => :refused
  }

  @max_message_characters 300

  # The keywords that `responseJsonSchema` knows. Other keywords are not sent, because Gemini ignores them. The runtime checks
  # the answer by all keywords.
  @known_keywords ~w(type title description enum format items minItems maxItems minimum maximum anyOf properties) ++
                    ~w(additionalProperties required $ref $defs)

  @doc "Return the verdict for each `finishReason`, the members of the SDK's `FinishReason`."
  @spec finish_reasons() :: %{String.t() => Verdict.t()}
  def finish_reasons, do: @finish_reasons

  @doc "Return the verdict for each `promptFeedback.blockReason`, the members of the SDK's `BlockedReason`."
  @spec block_reasons() :: %{String.t() => Verdict.t()}
  def block_reasons, do: @block_reasons

  @impl true
  def preflight(settings), do: Provider.http_preflight(:gemini, settings)

  @impl true
  def complete(%Request{ask: ask} = request, settings) do
    with {:ok, key} <- Provider.key(:gemini, settings) do
      models = "#{settings.base_urls.gemini}/v1beta/models"
      url = "#{models}/#{URI.encode(ask.model)}:generateContent"
      headers = [{"x-goog-api-key", key}]
      options = [ca_file: settings.ca_file]
      result = HTTP.post_json(url, headers, body(request, settings), settings.timeout, options)

      list = fn timeout ->
        with {:ok, list} <- HTTP.get_json("#{models}?pageSize=1000", headers, timeout, options),
             do: {:ok, models(list)}
      end

      with {:ok, reply} <- Provider.suggest_models(result, ask, settings, list), do: read(reply, ask)
    end
  end

  defp models(%{"models" => models}) when is_list(models) do
    for %{"name" => "models/" <> name} = model <- models,
        "generateContent" in List.wrap(model["supportedGenerationMethods"]),
        do: name
  end

  defp models(_), do: []

  defp body(%Request{ask: ask, turns: turns}, settings) do
    %{
      contents: Enum.map(turns, &content/1),
      generationConfig:
        without_nil(%{
          temperature: ask.temperature,
          maxOutputTokens: ask.max_tokens,
          seed: settings.seed,
          responseMimeType: ask.schema && "application/json",
          responseJsonSchema: if(ask.schema not in [nil, %{}], do: known_part(ask.schema))
        })
    }
    |> Map.merge(
      without_nil(%{systemInstruction: ask.system_prompt && %{parts: [%{text: ask.system_prompt}]}})
    )
  end

  defp without_nil(map), do: map |> Enum.reject(fn {_, value} -> is_nil(value) end) |> Map.new()

  defp content({:user, texts}), do: %{role: "user", parts: Enum.map(texts, &%{text: &1})}
  defp content({:model, reply}), do: %{role: "model", parts: reply.content}

  # Return the schema with only the keywords that Gemini knows. Gemini refuses other keywords beside a reference, so leave them
  # out.
  defp known_part(%{"$ref" => place}),
    do: %{"$ref" => String.replace_prefix(place, "#/definitions/", "#/$defs/")}

  defp known_part(%{} = schema) do
    for {keyword, value} <- schema,
        {keyword, value} <- known_keyword(keyword, value, schema),
        into: %{},
        do: {keyword, value}
  end

  defp known_part(flag), do: flag

  defp known_keyword("const", value, schema), do: known_keyword("enum", [value], schema)

  defp known_keyword("enum", values, _),
    do: if(Enum.all?(values, &(is_binary(&1) or is_number(&1))), do: [{"enum", values}], else: [])

  defp known_keyword("oneOf", schemas, _), do: [{"anyOf", Enum.map(schemas, &known_part/1)}]
  defp known_keyword("anyOf", schemas, _), do: [{"anyOf", Enum.map(schemas, &known_part/1)}]
  defp known_keyword("definitions", schemas, _), do: [{"$defs", known_parts(schemas)}]

  defp known_keyword("type", type, %{"nullable" => true}),
    do: [{"type", Enum.uniq(List.wrap(type) ++ ["null"])}]

  defp known_keyword(named, schemas, _) when named in ~w(properties $defs),
    do: [{named, known_parts(schemas)}]

  defp known_keyword(inner, schema, _) when inner in ~w(items additionalProperties),
    do: [{inner, known_part(schema)}]

  defp known_keyword(keyword, value, _) when keyword in @known_keywords, do: [{keyword, value}]
  defp known_keyword(_, _, _), do: []

  defp known_parts(schemas), do: Map.new(schemas, fn {name, schema} -> {name, known_part(schema)} end)

  # Check the finish reason first: a text beside SAFETY is not an answer, and a text that was cut off is not one either.
  defp read(%{"promptFeedback" => %{"blockReason" => reason}} = reply, ask) when is_binary(reason),
    do:
      Verdict.failure(
        Verdict.of(@block_reasons, reason),
        ask.model,
        "blockReason #{reason}",
        usage(reply, ask)
      )

  defp read(%{"candidates" => [%{"finishReason" => reason} = candidate | _]} = reply, ask)
       when is_binary(reason) do
    case Verdict.of(@finish_reasons, reason) do
      :complete -> answer(candidate["content"], reply, ask)
      verdict -> Verdict.failure(verdict, ask.model, explain(reason, candidate), usage(reply, ask))
    end
  end

  # A candidate without a finish reason is not finished.
  defp read(%{"candidates" => [_ | _]} = reply, ask), do: Provider.malformed(ask.model, usage(reply, ask))

  defp read(reply, ask) do
    error = Error.new(:empty_reply, "#{ask.model} answered nothing: the reply has no candidate", :soon)
    {:error, %{error | usage: usage(reply, ask)}}
  end

  defp explain(reason, %{"finishMessage" => message}) when is_binary(message) and message != "",
    do: "finishReason #{reason}: #{String.slice(message, 0, @max_message_characters)}"

  defp explain(reason, _), do: "finishReason #{reason}"

  defp answer(content, reply, ask) do
    parts = if is_map(content), do: Map.get(content, "parts", []), else: []

    if is_list(parts) and Enum.all?(parts, &part?/1) do
      # A thought is not part of the answer.
      text = parts |> Enum.reject(&(&1["thought"] == true)) |> Enum.map_join(&(&1["text"] || ""))
      {:ok, %Reply{text: text, content: parts, usage: usage(reply, ask)}}
    else
      Provider.malformed(ask.model, usage(reply, ask))
    end
  end

  defp part?(%{"text" => text}), do: is_binary(text) and String.valid?(text)
  defp part?(part), do: is_map(part)

  defp usage(reply, ask) do
    counts = if is_map(reply["usageMetadata"]), do: reply["usageMetadata"], else: %{}
    answering_model = if is_binary(reply["modelVersion"]), do: reply["modelVersion"]
    # `promptTokenCount` includes the tokens that were read from the cache.
    cached = Usage.count(counts, "cachedContentTokenCount")
    input = Usage.count(counts, "promptTokenCount") + Usage.count(counts, "toolUsePromptTokenCount")

    Usage.of_call(ask, answering_model, %{
      input_tokens: max(input - cached, 0),
      cached_input_tokens: cached,
      output_tokens: Usage.count(counts, "candidatesTokenCount"),
      thought_tokens: Usage.count(counts, "thoughtsTokenCount")
    })
  end
end
