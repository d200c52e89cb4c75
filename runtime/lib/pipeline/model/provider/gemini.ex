defmodule Pipeline.Model.Provider.Gemini do
  @moduledoc """
  Asks Google's Gemini by `models.generateContent` (https://ai.google.dev/api/generate-content).

  An answer that has to fit a schema is asked for as JSON with a response schema.
  """

  @behaviour Pipeline.Model.Provider

  alias Pipeline.Error
  alias Pipeline.Model.{HTTP, Provider, Reply, Request, Usage, Verdict}

  @finish_reasons %{
    "STOP" => :complete,
    "MAX_TOKENS" => :output_limit,
    # The reply reached the limit of one request, which max_tokens sets.
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

  @longest_message 300

  # The keywords that `responseJsonSchema` accepts. Gemini ignores others, so only the runtime checks answers by them.
  @taken ~w(type title description enum format items minItems maxItems minimum maximum anyOf properties) ++
           ~w(additionalProperties required $ref $defs)

  @doc "Return the table of `finishReason`, for each member of the SDK's `FinishReason`."
  @spec finish_reasons() :: %{String.t() => Verdict.t()}
  def finish_reasons, do: @finish_reasons

  @doc "Return the table of `promptFeedback.blockReason`, for each member of the SDK's `BlockedReason`."
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
      answer = HTTP.post_json(url, headers, body(request, settings), settings.timeout, options)

      list = fn timeout ->
        with {:ok, list} <- HTTP.get_json("#{models}?pageSize=1000", headers, timeout, options),
             do: {:ok, models(list)}
      end

      with {:ok, reply} <- Provider.name_models(answer, ask, settings, list), do: read(reply, ask)
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
        present(%{
          temperature: ask.temperature,
          maxOutputTokens: ask.max_tokens,
          seed: settings.seed,
          responseMimeType: ask.schema && "application/json",
          responseJsonSchema: if(ask.schema not in [nil, %{}], do: taken(ask.schema))
        })
    }
    |> Map.merge(present(%{systemInstruction: ask.system_prompt && %{parts: [%{text: ask.system_prompt}]}}))
  end

  defp present(map), do: map |> Enum.reject(fn {_, value} -> is_nil(value) end) |> Map.new()

  defp content({:user, texts}), do: %{role: "user", parts: Enum.map(texts, &%{text: &1})}
  defp content({:model, reply}), do: %{role: "model", parts: reply.content}

  # Gemini refuses keywords beside a reference. The runtime still checks the answer by them.
  defp taken(%{"$ref" => place}), do: %{"$ref" => String.replace_prefix(place, "#/definitions/", "#/$defs/")}

  defp taken(%{} = schema) do
    for {keyword, value} <- schema,
        {keyword, value} <- as_taken(keyword, value, schema),
        into: %{},
        do: {keyword, value}
  end

  defp taken(flag), do: flag

  defp as_taken("const", value, schema), do: as_taken("enum", [value], schema)

  defp as_taken("enum", values, _),
    do: if(Enum.all?(values, &(is_binary(&1) or is_number(&1))), do: [{"enum", values}], else: [])

  defp as_taken("oneOf", schemas, _), do: [{"anyOf", Enum.map(schemas, &taken/1)}]
  defp as_taken("anyOf", schemas, _), do: [{"anyOf", Enum.map(schemas, &taken/1)}]
  defp as_taken("definitions", schemas, _), do: [{"$defs", each(schemas)}]
  defp as_taken("type", type, %{"nullable" => true}), do: [{"type", Enum.uniq(List.wrap(type) ++ ["null"])}]
  defp as_taken(named, schemas, _) when named in ~w(properties $defs), do: [{named, each(schemas)}]
  defp as_taken(inner, schema, _) when inner in ~w(items additionalProperties), do: [{inner, taken(schema)}]
  defp as_taken(keyword, value, _) when keyword in @taken, do: [{keyword, value}]
  defp as_taken(_, _, _), do: []

  defp each(schemas), do: Map.new(schemas, fn {name, schema} -> {name, taken(schema)} end)

  # The provider's verdict comes first: a text beside SAFETY, or a part of a text, is no answer.
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
      verdict -> Verdict.failure(verdict, ask.model, words(reason, candidate), usage(reply, ask))
    end
  end

  # A candidate without a finish reason is not finished.
  defp read(%{"candidates" => [_ | _]} = reply, ask), do: malformed(reply, ask)

  defp read(reply, ask) do
    error = Error.new(:empty_reply, "#{ask.model} answered nothing: the reply has no candidate", :soon)
    {:error, %{error | usage: usage(reply, ask)}}
  end

  defp words(reason, %{"finishMessage" => message}) when is_binary(message) and message != "",
    do: "finishReason #{reason}: #{String.slice(message, 0, @longest_message)}"

  defp words(reason, _), do: "finishReason #{reason}"

  defp answer(content, reply, ask) do
    parts = if is_map(content), do: Map.get(content, "parts", []), else: []

    if is_list(parts) and Enum.all?(parts, &part?/1) do
      # A thought is no part of the answer.
      text = parts |> Enum.reject(&(&1["thought"] == true)) |> Enum.map_join(&(&1["text"] || ""))
      {:ok, %Reply{text: text, content: parts, usage: usage(reply, ask)}}
    else
      malformed(reply, ask)
    end
  end

  defp malformed(reply, ask) do
    {:error, error} = Provider.malformed(ask.model)
    {:error, %{error | usage: usage(reply, ask)}}
  end

  defp part?(%{"text" => text}), do: is_binary(text) and String.valid?(text)
  defp part?(part), do: is_map(part)

  defp usage(reply, ask) do
    counts = if is_map(reply["usageMetadata"]), do: reply["usageMetadata"], else: %{}
    answered = if is_binary(reply["modelVersion"]), do: reply["modelVersion"]
    # The count of the prompt includes what was read from the cache.
    cached = Usage.count(counts, "cachedContentTokenCount")
    input = Usage.count(counts, "promptTokenCount") + Usage.count(counts, "toolUsePromptTokenCount")

    Usage.of_call(ask, answered, %{
      input_tokens: max(input - cached, 0),
      cached_input_tokens: cached,
      output_tokens: Usage.count(counts, "candidatesTokenCount"),
      thought_tokens: Usage.count(counts, "thoughtsTokenCount")
    })
  end
end
