defmodule Pipeline.Model.Provider.Anthropic do
  @moduledoc """
  Asks Claude over Anthropic's Messages API (https://docs.anthropic.com/en/api/messages). The API takes no seed.

  If a step has a schema, the model gets a tool whose input has this schema. The input of the tool's call is the answer.
  """

  @behaviour Pipeline.Model.Provider

  alias Pipeline.Model.{Ask, Catalogue, HTTP, Provider, Reply, Request, Tools, Usage, Verdict}

  @answer_instruction "When you are done, give your answer by calling the tool answer, once; write no other text."

  # The API refuses these keywords at the top level of a tool's schema.
  @not_at_top ~w(anyOf oneOf allOf $ref)

  @stop_reasons %{
    "end_turn" => :complete,
    "stop_sequence" => :complete,
    "tool_use" => :complete,
    "pause_turn" => :paused,
    "max_tokens" => :output_limit,
    "model_context_window_exceeded" => :context_limit,
    "refusal" => :refused
  }

  @doc "Return the verdict for each `stop_reason`, the members of the SDK's `StopReason`."
  @spec stop_reasons() :: %{String.t() => Verdict.t()}
  def stop_reasons, do: @stop_reasons

  @impl true
  def preflight(settings), do: Provider.http_preflight(:anthropic, settings)

  @impl true
  def complete(%Request{ask: ask} = request, settings) do
    with {:ok, key} <- Provider.key(:anthropic, settings) do
      headers = [{"x-api-key", key}, {"anthropic-version", "2023-06-01"}]
      options = [ca_file: settings.ca_file]

      result =
        HTTP.post_json(
          "#{settings.base_urls.anthropic}/v1/messages",
          headers,
          body(request),
          settings.timeout,
          options
        )

      list = fn timeout ->
        url = "#{settings.base_urls.anthropic}/v1/models?limit=100"
        with {:ok, list} <- HTTP.get_json(url, headers, timeout, options), do: {:ok, models(list)}
      end

      with {:ok, reply} <- Provider.suggest_models(result, ask, settings, list), do: read(reply, ask)
    end
  end

  defp models(%{"data" => models}) when is_list(models) do
    for %{"id" => id} = model when is_binary(id) <- models,
        Map.get(model, "lifecycle", "active") == "active",
        do: id
  end

  defp models(_), do: []

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
  defp message({:results, results}), do: %{role: "user", content: Enum.map(results, &result/1)}

  # A model may write a blank text beside its tool calls. The API refuses such a text in the next request.
  defp message({:model, reply}), do: %{role: "assistant", content: Enum.reject(reply.content, &blank?/1)}

  defp blank?(%{"type" => "text", "text" => text}), do: String.trim(text) == ""
  defp blank?(_), do: false

  defp result(%{id: id, status: status, text: text}),
    do: %{type: "tool_result", tool_use_id: id, content: text, is_error: status == :error}

  # A model that cannot be forced to call the answer tool is instructed to call it. If it does not, `Pipeline.Model` takes
  # its text as the answer, and asks for a correction if the text is not JSON that fits.
  defp forced?(ask),
    do: ask.schema != nil and ask.tools == [] and Catalogue.takes_forced_tool?(ask.model)

  defp system(%Ask{schema: nil} = ask), do: ask.system_prompt

  defp system(ask) do
    if forced?(ask),
      do: ask.system_prompt,
      else: [ask.system_prompt, @answer_instruction] |> Enum.reject(&is_nil/1) |> Enum.join("\n\n")
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

  # A tool's input has to be an object. Put any other value into an object, under the key `value`.
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

  defp wrapped?(schema), do: schema["type"] != "object" or Enum.any?(@not_at_top, &is_map_key(schema, &1))

  # Check the stop reason first: the text of a refusal is not an answer, and a text that was cut off is not one either.
  defp read(%{"stop_reason" => reason} = reply, ask) when is_binary(reason) do
    case Verdict.of(@stop_reasons, reason) do
      verdict when verdict in [:complete, :paused] ->
        answer(reply, reason, verdict, ask)

      verdict ->
        Verdict.failure(verdict, ask.model, explain(reason, reply["stop_details"]), usage(reply, ask))
    end
  end

  defp read(reply, ask), do: Provider.malformed(ask.model, usage(reply, ask))

  defp explain(reason, %{} = details) do
    [reason, details["category"], details["explanation"]] |> Enum.filter(&is_binary/1) |> Enum.join(": ")
  end

  defp explain(reason, _), do: "stop_reason #{reason}"

  defp answer(%{"content" => content} = reply, reason, verdict, ask) when is_list(content) do
    calls = for %{"type" => "tool_use"} = block <- content, do: call(block, ask)

    if Enum.all?(content, &block?/1) and (reason != "tool_use" or calls != []) do
      {:ok,
       %Reply{
         text: for(%{"type" => "text", "text" => text} <- content, into: "", do: text),
         calls: calls,
         content: content,
         paused?: verdict == :paused and calls == [],
         usage: usage(reply, ask)
       }}
    else
      Provider.malformed(ask.model, usage(reply, ask))
    end
  end

  defp answer(reply, _, _, ask), do: Provider.malformed(ask.model, usage(reply, ask))

  defp block?(%{"type" => "text", "text" => text}), do: is_binary(text) and String.valid?(text)
  defp block?(%{"type" => "tool_use", "id" => id, "name" => name}), do: is_binary(id) and is_binary(name)
  # Blocks of other types, such as thinking, are not part of the answer. They are sent back unchanged.
  defp block?(%{"type" => type}), do: type not in ["text", "tool_use"]
  defp block?(_), do: false

  defp call(block, ask) do
    input =
      case block["input"] do
        %{"value" => value} = input ->
          if block["name"] == Request.answer_tool() and ask.schema && wrapped?(ask.schema),
            do: value,
            else: input

        input ->
          input
      end

    %{id: block["id"], name: block["name"], input: input}
  end

  defp usage(reply, ask) do
    answering_model = if is_binary(reply["model"]), do: reply["model"]
    counts = if is_map(reply["usage"]), do: reply["usage"], else: %{}
    Usage.of_call(ask, answering_model, tokens(counts))
  end

  @doc "Return the tokens by kind from the counts in a `usage` object of Anthropic."
  @spec tokens(map()) :: Usage.tokens()
  def tokens(counts) do
    details = if is_map(counts["output_tokens_details"]), do: counts["output_tokens_details"], else: %{}
    output = Usage.count(counts, "output_tokens")
    thoughts = min(Usage.count(details, "thinking_tokens"), output)

    %{
      input_tokens: Usage.count(counts, "input_tokens"),
      cached_input_tokens: Usage.count(counts, "cache_read_input_tokens"),
      cache_write_tokens: Usage.count(counts, "cache_creation_input_tokens"),
      output_tokens: output - thoughts,
      thought_tokens: thoughts
    }
  end
end
