defmodule Pipeline.Model.Provider.ClaudeProgram do
  @moduledoc """
  Asks Claude by running Anthropic's command-line program `claude`, which has to be on the PATH. The program has tools of its
  own and works in the run's workspace. It chooses temperature, seed and max_tokens itself.

  The answer counts only if the program ends with exit status 0 and its last result is a success. The user's own CLAUDE.md,
  settings, hooks and MCP servers are not loaded.
  """

  @behaviour Pipeline.Model.Provider

  alias Pipeline.{Error, Settings}
  alias Pipeline.Model.{Ask, Catalogue, Reply, Request, Usage, Verdict}
  alias Pipeline.Model.Provider.Anthropic
  alias Pipeline.Model.Provider.ClaudeProgram.Failures
  alias Pipeline.System.Program
  alias Pipeline.Value.JSON

  @max_reason_characters 500
  # Messages that the program wrote itself have this name in place of a model.
  @no_model "<synthetic>"

  @impl true
  def preflight(settings) do
    with {:ok, _} <- find(settings), do: :ok
  end

  @impl true
  def complete(%Request{ask: ask} = request, settings) do
    with {:ok, program} <- find(settings),
         {:ok, lines, stderr, status} <- run(program, request, settings) do
      output = read_output(lines)
      usage = usage(output, ask)

      case read(output.result, status, stderr, ask, usage) do
        {:ok, reply} ->
          {:ok, reply}

        {:error, error} ->
          {:error, %{error | usage: usage}}

        {:failed, problem, reason} ->
          {:error, %{failure(problem, output.code, without_keys(reason, settings), ask) | usage: usage}}
      end
    end
  end

  defp find(%Settings{path: path}) do
    case :os.find_executable(~c"claude", to_charlist(path)) do
      false ->
        message = "the program claude is not on the PATH: install Claude Code, or use the provider anthropic"
        {:error, Error.new(:usage, message)}

      program ->
        {:ok, to_string(program)}
    end
  end

  defp run(program, %Request{ask: ask, workspace: workspace} = request, settings) do
    Program.run(program, arguments(ask),
      stdin: prompt(request),
      env: environment(settings),
      folder: workspace && workspace.root,
      timeout: settings.timeout
    )
  end

  defp arguments(%Ask{} = ask) do
    tools = Enum.map_join(ask.tools, ",", &program_name/1)

    [
      "-p",
      "--output-format",
      "stream-json",
      "--verbose",
      "--model",
      ask.model,
      "--max-turns",
      "#{ask.max_turns}"
    ] ++
      ["--setting-sources", "", "--strict-mcp-config", "--tools", tools] ++
      if(ask.tools == [], do: [], else: ["--allowedTools", tools])
  end

  # The program's tool Glob is the counterpart of List.
  defp program_name("List"), do: "Glob"
  defp program_name(name), do: name

  # Each call starts the program anew, and the program remembers nothing: the whole conversation is its prompt.
  defp prompt(%Request{ask: ask, turns: turns}) do
    [ask.system_prompt, Enum.map_join(turns, "\n\n", &turn/1), instruction(ask.schema)]
    |> Enum.reject(&is_nil/1)
    |> Enum.join("\n\n")
  end

  defp turn({:user, texts}), do: Enum.join(texts, "\n\n")
  defp turn({:model, reply}), do: "You answered:\n\n#{reply.text}"

  defp instruction(nil), do: nil

  defp instruction(schema),
    do:
      "Answer with one JSON value and nothing else: no prose, no markdown fence. Its JSON schema:\n\n#{JSON.encode(schema)}"

  # The program needs a key only if nobody has logged in. It does not get the other provider's key.
  defp environment(settings) do
    [
      {"PATH", settings.path},
      {"ANTHROPIC_BASE_URL", settings.base_urls.anthropic},
      {"GEMINI_API_KEY", nil},
      {"GOOGLE_API_KEY", nil}
    ] ++ if(key = settings.keys.anthropic.(), do: [{"ANTHROPIC_API_KEY", key}], else: [])
  end

  # The program may report a result for each turn. The last result is the answer.
  defp read_output(lines) do
    Enum.reduce(lines, %{result: nil, model: nil, code: nil}, fn line, output ->
      case JSON.decode_foreign(line) do
        {:ok, %{"type" => "result"} = result} -> %{output | result: result}
        {:ok, %{"type" => "assistant"} = message} -> message(message, output)
        _ -> output
      end
    end)
  end

  defp message(line, output) do
    model = if is_map(line["message"]), do: line["message"]["model"]
    code = if is_binary(line["error"]), do: line["error"]
    %{output | model: if(is_binary(model) and model != @no_model, do: model, else: output.model), code: code}
  end

  defp read(%{"subtype" => "error_max_turns"}, _, _, ask, _),
    do: {:error, Error.new(:turn_limit, "claude was not done after #{ask.max_turns} turns")}

  defp read(%{"is_error" => false, "subtype" => "success", "result" => text} = result, 0, _, ask, usage)
       when is_binary(text) do
    case verdict(result["stop_reason"]) do
      :complete ->
        if Failures.error_reply?(text),
          do: {:failed, "claude reported an error as its answer", text},
          else: {:ok, %Reply{text: text, usage: usage}}

      verdict ->
        Verdict.failure(verdict, ask.model, "stop_reason #{result["stop_reason"]}", usage)
    end
  end

  defp read(nil, status, stderr, _, _),
    do: {:failed, "claude ended without a result (exit status #{status})", stderr}

  defp read(result, status, stderr, _, _),
    do: {:failed, "claude failed (exit status #{status})", reason(result, stderr)}

  # Older versions of the program name no stop reason. Nobody can continue a paused turn of the program, so it is a fault.
  defp verdict(reason) when is_binary(reason) do
    case Verdict.of(Anthropic.stop_reasons(), reason) do
      :paused -> :passing_fault
      verdict -> verdict
    end
  end

  defp verdict(_), do: :complete

  defp reason(result, stderr) do
    errors = result["errors"] |> List.wrap() |> Enum.map(&text/1)
    texts = Enum.reject([text(result["result"]) | errors], &(String.trim(&1) == ""))
    if texts == [], do: stderr, else: Enum.join(texts, "; ")
  end

  defp text(nil), do: ""
  defp text(text) when is_binary(text), do: text
  defp text(value), do: JSON.encode(value)

  # Take out the keys before cutting the text. Otherwise the cut may leave a part of a key.
  defp without_keys(reason, settings) do
    keys = for {_, key} <- settings.keys, value = key.(), do: value
    Enum.reduce(keys, reason, &String.replace(&2, &1, "…"))
  end

  defp failure(problem, code, reason, ask) do
    shown_reason =
      reason |> last_bytes() |> String.slice(-@max_reason_characters, @max_reason_characters) |> String.trim()

    {kind, retry} = Failures.kind(code, reason)

    Error.new(
      kind,
      "#{problem}: #{if shown_reason == "", do: "it did not say why", else: shown_reason}#{remedy(kind, ask)}",
      retry
    )
  end

  defp remedy(:unknown_model, ask) do
    current = Enum.join(Catalogue.current(:claude_program), ", ")
    "; the model #{inspect(ask.model)} is not known: expected a current model such as #{current}"
  end

  defp remedy(:context_window, _), do: "; shorten the prompt or its files"
  defp remedy(_, _), do: ""

  # Return the end of a text. Leave out bytes that are not UTF-8, and the rest of a character that was cut in two.
  defp last_bytes(text) do
    size = min(byte_size(text), @max_reason_characters * 4)

    text
    |> binary_part(byte_size(text), -size)
    |> String.codepoints()
    |> Enum.filter(&String.valid?/1)
    |> Enum.join()
  end

  # Without a result, the usage is not known.
  defp usage(%{result: nil}, _), do: %Usage{}

  defp usage(%{result: %{"modelUsage" => %{} = by_model}} = output, ask) when by_model != %{} do
    main = output.model || main_model(by_model)

    usages =
      for {model, counts} <- by_model, is_map(counts) do
        main? = Catalogue.same?(main, model)
        asked = if main?, do: ask.model, else: model
        Usage.of_model(:claude_program, asked, model, program_tokens(counts), if(main?, do: 1, else: 0))
      end

    Enum.reduce(usages, %Usage{}, &Usage.add(&2, &1))
  end

  defp usage(%{result: result, model: model}, ask) do
    counts = if is_map(result["usage"]), do: result["usage"], else: %{}
    Usage.of_call(ask, model, Anthropic.tokens(counts))
  end

  # The model that wrote most has given the answer. The program asks other models for titles and summaries only.
  defp main_model(by_model),
    do: by_model |> Enum.max_by(fn {_, counts} -> Usage.count(counts, "outputTokens") end) |> elem(0)

  defp program_tokens(counts) do
    %{
      input_tokens: Usage.count(counts, "inputTokens"),
      cached_input_tokens: Usage.count(counts, "cacheReadInputTokens"),
      cache_write_tokens: Usage.count(counts, "cacheCreationInputTokens"),
      output_tokens: Usage.count(counts, "outputTokens")
    }
  end
end
