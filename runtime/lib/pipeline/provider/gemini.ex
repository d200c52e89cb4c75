defmodule Pipeline.Provider.Gemini do
  @moduledoc "Google's Gemini, by `models.generateContent` (https://ai.google.dev/api/generate-content)."

  @behaviour Pipeline.Provider

  alias Pipeline.{Error, HTTP, Provider}

  @impl true
  def complete(ask, texts, settings) do
    with {:ok, key} <- Provider.key(:gemini, settings),
         url = "#{settings.base_urls.gemini}/v1beta/models/#{URI.encode(ask.model)}:generateContent",
         {:ok, reply} <-
           HTTP.post_json(url, [{"x-goog-api-key", key}], body(ask, texts, settings), settings.timeout) do
      read(reply, ask.model)
    end
  end

  defp body(ask, texts, settings) do
    %{
      contents: [%{role: "user", parts: Enum.map(texts, &%{text: &1})}],
      generationConfig:
        present(%{
          temperature: ask.temperature,
          maxOutputTokens: ask.max_tokens,
          seed: settings.seed
        })
    }
    |> Map.merge(present(%{systemInstruction: ask.system_prompt && %{parts: [%{text: ask.system_prompt}]}}))
  end

  defp present(map), do: map |> Enum.reject(fn {_, value} -> is_nil(value) end) |> Map.new()

  defp read(%{"candidates" => [%{"finishReason" => "MAX_TOKENS"} | _]}, model),
    do:
      {:error,
       Error.new(:truncated, "#{model} was cut off at its limit of tokens: ask for less, or raise max_tokens")}

  defp read(%{"candidates" => [%{"content" => %{"parts" => parts}} | _]}, model) when is_list(parts) do
    # A thought is not part of the answer.
    parts
    |> Enum.reject(& &1["thought"])
    |> Enum.map_join(&(&1["text"] || ""))
    |> Provider.not_blank(model)
  end

  defp read(%{"candidates" => [%{"finishReason" => reason} | _]}, model) when reason != "STOP",
    do: {:error, Error.new(:blocked, "#{model} gave no answer: #{reason}")}

  defp read(%{"promptFeedback" => %{"blockReason" => reason}}, model),
    do: {:error, Error.new(:blocked, "#{model} refused the prompt: #{reason}")}

  defp read(_, model), do: {:error, Error.new(:empty_reply, "#{model} answered nothing")}
end
