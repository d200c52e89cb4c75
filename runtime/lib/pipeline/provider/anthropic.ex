defmodule Pipeline.Provider.Anthropic do
  @moduledoc "Anthropic's Claude, by the Messages API (https://docs.anthropic.com/en/api/messages). It takes no seed."

  @behaviour Pipeline.Provider

  alias Pipeline.{Error, HTTP, Provider}

  @impl true
  def complete(ask, texts, settings) do
    with {:ok, key} <- Provider.key(:anthropic, settings),
         url = "#{settings.base_urls.anthropic}/v1/messages",
         headers = [{"x-api-key", key}, {"anthropic-version", "2023-06-01"}],
         {:ok, reply} <- HTTP.post_json(url, headers, body(ask, texts), settings.timeout) do
      read(reply, ask.model)
    end
  end

  defp body(ask, texts) do
    %{
      model: ask.model,
      max_tokens: ask.max_tokens,
      messages: [%{role: "user", content: Enum.map(texts, &%{type: "text", text: &1})}]
    }
    |> put(:temperature, ask.temperature)
    |> put(:system, ask.system_prompt)
  end

  defp put(map, _, nil), do: map
  defp put(map, key, value), do: Map.put(map, key, value)

  defp read(%{"stop_reason" => "max_tokens"}, model),
    do:
      {:error,
       Error.new(:truncated, "#{model} was cut off at its limit of tokens: ask for less, or raise max_tokens")}

  defp read(%{"stop_reason" => "refusal"}, model),
    do: {:error, Error.new(:blocked, "#{model} refused the prompt")}

  defp read(%{"content" => content}, model) when is_list(content) do
    for(%{"type" => "text", "text" => text} <- content, into: "", do: text) |> Provider.not_blank(model)
  end

  defp read(_, model), do: {:error, Error.new(:empty_reply, "#{model} answered nothing")}
end
