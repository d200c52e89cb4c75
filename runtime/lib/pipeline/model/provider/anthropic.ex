defmodule Pipeline.Model.Provider.Anthropic do
  @moduledoc """
  Anthropic's Claude, by the Messages API (https://docs.anthropic.com/en/api/messages). It takes no seed.

  An answer that has to fit a schema is the input of a tool that has this schema.
  """

  @behaviour Pipeline.Model.Provider

  alias Pipeline.Model.{Ask, HTTP, Price, Provider, Reply, Request, Tools, Usage}

  @told "When you are done, give your answer by calling the tool answer, once; write no other text."

  # Keywords that this interface does not take at the top of a tool's schema.
  @not_on_top ~w(anyOf oneOf allOf $ref)

  @impl true
  def preflight(settings) do
    with {:ok, _} <- Provider.key(:anthropic, settings), do: :ok
  end

  @impl true
  def complete(%Request{ask: ask} = request, settings) do
    with {:ok, key} <- Provider.key(:anthropic, settings),
         url = "#{settings.base_urls.anthropic}/v1/messages",
         headers = [{"x-api-key", key}, {"anthropic-version", "2023-06-01"}],
         {:ok, reply} <- HTTP.post_json(url, headers, body(request), settings.timeout) do
      read(reply, ask)
    end
  end

  defp body(%Request{ask: ask, turns: turns}) do
    %{model: ask.model, max_tokens: ask.max_tokens, messages: Enum.map(turns, &message/1)}
    |> put(:temperature, ask.temperature)
    |> put(:system, system(ask))
    |> put(:tools, tools(ask))
    |> put(:tool_choice, if(forced?(ask), do: %{type: "tool", name: Request.answer_tool()}))
  end

  defp put(map, _, nothing) when nothing in [nil, []], do: map
  defp put(map, key, value), do: Map.put(map, key, value)

  defp message({:user, texts}), do: %{role: "user", content: Enum.map(texts, &%{type: "text", text: &1})}
  defp message({:model, reply}), do: %{role: "assistant", content: reply.content}
  defp message({:results, results}), do: %{role: "user", content: Enum.map(results, &result/1)}

  defp result(%{id: id, status: status, text: text}),
    do: %{type: "tool_result", tool_use_id: id, content: text, is_error: status == :error}

  # Models from Claude 5 on refuse, or may refuse, to be forced to a tool: those are told, and asked again if need be.
  defp forced?(ask),
    do: ask.schema != nil and ask.tools == [] and ask.model =~ ~r/\Aclaude-(3|opus-4|sonnet-4|haiku-4)/

  defp system(%Ask{schema: nil} = ask), do: ask.system_prompt

  defp system(ask) do
    if forced?(ask),
      do: ask.system_prompt,
      else: [ask.system_prompt, @told] |> Enum.reject(&is_nil/1) |> Enum.join("\n\n")
  end

  defp tools(ask), do: Enum.map(ask.tools, &file_tool/1) ++ answer_tool(ask.schema)

  defp file_tool(name) do
    tool = Tools.declaration(name)
    %{name: tool.name, description: tool.description, input_schema: tool.schema}
  end

  defp answer_tool(nil), do: []

  defp answer_tool(schema),
    do: [
      %{name: Request.answer_tool(), description: "Takes your answer.", input_schema: input_schema(schema)}
    ]

  # A tool's input is an object: what is none goes into one, as its value.
  defp input_schema(schema) do
    if wrapped?(schema) do
      {definitions, schema} = Map.split(schema, ["$defs", "definitions"])

      Map.merge(definitions, %{
        "type" => "object",
        "properties" => %{"value" => schema},
        "required" => ["value"]
      })
    else
      schema
    end
  end

  defp wrapped?(schema), do: schema["type"] != "object" or Enum.any?(@not_on_top, &is_map_key(schema, &1))

  defp read(%{"stop_reason" => stop} = reply, ask)
       when stop in ["max_tokens", "model_context_window_exceeded"],
       do: Provider.cut_off(ask.model, usage(reply["usage"], ask.model))

  defp read(%{"stop_reason" => "refusal"} = reply, ask),
    do: Provider.blocked("#{ask.model} refused the prompt", usage(reply["usage"], ask.model))

  defp read(%{"content" => content} = reply, ask) when is_list(content) do
    if Enum.all?(content, &block?/1),
      do: {:ok, reply(content, reply, ask)},
      else: Provider.malformed(ask.model)
  end

  defp read(_, ask), do: Provider.malformed(ask.model)

  defp block?(%{"type" => "text", "text" => text}), do: is_binary(text) and String.valid?(text)
  defp block?(%{"type" => "tool_use", "id" => id, "name" => name}), do: is_binary(id) and is_binary(name)
  # There are blocks of other kinds, which say nothing here and are sent back as they are.
  defp block?(%{"type" => type}), do: type not in ["text", "tool_use"]
  defp block?(_), do: false

  defp reply(content, reply, ask) do
    %Reply{
      text: for(%{"type" => "text", "text" => text} <- content, into: "", do: text),
      calls:
        for(
          %{"type" => "tool_use", "id" => id, "name" => name} = use <- content,
          do: call(id, name, use, ask)
        ),
      content: content,
      usage: usage(reply["usage"], ask.model)
    }
  end

  defp call(id, name, use, ask) do
    input =
      case use["input"] do
        %{"value" => value} = input ->
          if name == Request.answer_tool() and ask.schema && wrapped?(ask.schema), do: value, else: input

        input ->
          input
      end

    %{id: id, name: name, input: input}
  end

  defp usage(%{} = usage, model) do
    input = Usage.sum(usage, ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"])
    output = Usage.sum(usage, ["output_tokens"])
    %Usage{calls: 1, input_tokens: input, output_tokens: output, cost: Price.cost(model, input, output)}
  end

  defp usage(_, _), do: %Usage{calls: 1, cost: nil}
end
