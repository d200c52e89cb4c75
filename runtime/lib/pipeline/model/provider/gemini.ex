defmodule Pipeline.Model.Provider.Gemini do
  @moduledoc """
  Google's Gemini, by `models.generateContent` (https://ai.google.dev/api/generate-content).

  An answer that has to fit a schema is asked for as JSON with a response schema.
  """

  @behaviour Pipeline.Model.Provider

  alias Pipeline.Error
  alias Pipeline.Model.{HTTP, Price, Provider, Reply, Request, Usage}

  # What `responseJsonSchema` takes. The rest is not refused there but does not count, so it is held against here.
  @taken ~w(type title description enum format items minItems maxItems minimum maximum anyOf properties) ++
           ~w(additionalProperties required $ref $defs)

  @impl true
  def preflight(settings) do
    with {:ok, _} <- Provider.key(:gemini, settings), do: :ok
  end

  @impl true
  def complete(%Request{ask: ask} = request, settings) do
    with {:ok, key} <- Provider.key(:gemini, settings),
         url = "#{settings.base_urls.gemini}/v1beta/models/#{URI.encode(ask.model)}:generateContent",
         {:ok, reply} <-
           HTTP.post_json(url, [{"x-goog-api-key", key}], body(request, settings), settings.timeout) do
      read(reply, ask.model)
    end
  end

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

  defp taken(%{} = schema) do
    for {keyword, value} <- schema,
        {keyword, value} <- as_taken(keyword, value, schema),
        into: %{},
        do: {keyword, value}
  end

  defp taken(flag), do: flag

  defp as_taken("const", value, _), do: [{"enum", [value]}]
  defp as_taken("oneOf", schemas, _), do: [{"anyOf", Enum.map(schemas, &taken/1)}]
  defp as_taken("anyOf", schemas, _), do: [{"anyOf", Enum.map(schemas, &taken/1)}]
  defp as_taken("definitions", schemas, _), do: [{"$defs", each(schemas)}]
  defp as_taken("$ref", place, _), do: [{"$ref", String.replace_prefix(place, "#/definitions/", "#/$defs/")}]
  defp as_taken("type", type, %{"nullable" => true}), do: [{"type", Enum.uniq(List.wrap(type) ++ ["null"])}]
  defp as_taken(named, schemas, _) when named in ~w(properties $defs), do: [{named, each(schemas)}]
  defp as_taken(inner, schema, _) when inner in ~w(items additionalProperties), do: [{inner, taken(schema)}]
  defp as_taken(keyword, value, _) when keyword in @taken, do: [{keyword, value}]
  defp as_taken(_, _, _), do: []

  defp each(schemas), do: Map.new(schemas, fn {name, schema} -> {name, taken(schema)} end)

  defp read(%{"candidates" => [%{"finishReason" => "MAX_TOKENS"} | _]} = reply, model),
    do: Provider.cut_off(model, usage(reply["usageMetadata"], model))

  defp read(%{"candidates" => [%{"content" => %{"parts" => parts}} | _]} = reply, model)
       when is_list(parts) do
    if Enum.all?(parts, &part?/1) do
      # A thought is not part of the answer.
      text = parts |> Enum.reject(& &1["thought"]) |> Enum.map_join(&(&1["text"] || ""))
      {:ok, %Reply{text: text, content: parts, usage: usage(reply["usageMetadata"], model)}}
    else
      Provider.malformed(model)
    end
  end

  defp read(%{"candidates" => [%{"finishReason" => reason} | _]} = reply, model)
       when is_binary(reason) and reason != "STOP",
       do: Provider.blocked("#{model} gave no answer: #{reason}", usage(reply["usageMetadata"], model))

  defp read(%{"promptFeedback" => %{"blockReason" => reason}} = reply, model) when is_binary(reason),
    do: Provider.blocked("#{model} refused the prompt: #{reason}", usage(reply["usageMetadata"], model))

  defp read(reply, model) do
    error = Error.new(:empty_reply, "#{model} answered nothing")
    {:error, %{error | usage: usage(reply["usageMetadata"], model)}}
  end

  defp part?(%{"text" => text}), do: is_binary(text) and String.valid?(text)
  defp part?(part), do: is_map(part)

  # Thoughts are paid for as output, and counted apart.
  defp usage(%{} = usage, model) do
    input = Usage.sum(usage, ["promptTokenCount"])
    output = Usage.sum(usage, ["candidatesTokenCount", "thoughtsTokenCount"])
    %Usage{calls: 1, input_tokens: input, output_tokens: output, cost: Price.cost(model, input, output)}
  end

  defp usage(_, _), do: %Usage{calls: 1, cost: nil}
end
