defmodule Pipeline.Model.Provider.ClaudeProgram do
  @moduledoc """
  Claude by Anthropic's command-line program `claude`, found on the PATH. It has tools of its own and works in the run's
  workspace; temperature, seed and max_tokens are its own affair. It is believed only when it ends well and says a result.
  """

  @behaviour Pipeline.Model.Provider

  alias Pipeline.{Error, Settings}
  alias Pipeline.Model.{Ask, Reply, Request, Usage}
  alias Pipeline.System.Program
  alias Pipeline.Value.JSON

  @most_of_a_reason 500

  @impl true
  def preflight(settings) do
    with {:ok, _} <- find(settings), do: :ok
  end

  @impl true
  def complete(%Request{ask: ask} = request, settings) do
    with {:ok, program} <- find(settings),
         {:ok, lines, stderr, status} <- run(program, request, settings) do
      result = result(lines)

      case read(result, status, stderr, ask) do
        {:ok, reply} ->
          {:ok, reply}

        {:error, error} ->
          {:error, %{error | usage: usage(result)}}

        {:failed, what, said} ->
          {:error, %{failed(what, without_keys(said, settings)) | usage: usage(result)}}
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
      if ask.tools == [], do: [], else: ["--allowedTools", Enum.map_join(ask.tools, ",", &its_name/1)]
  end

  # What is List here is Glob there.
  defp its_name("List"), do: "Glob"
  defp its_name(name), do: name

  # Each call is a program of its own that remembers nothing: the whole conversation is its prompt.
  defp prompt(%Request{ask: ask, turns: turns}) do
    [ask.system_prompt, Enum.map_join(turns, "\n\n", &turn/1), wanted(ask.schema)]
    |> Enum.reject(&is_nil/1)
    |> Enum.join("\n\n")
  end

  defp turn({:user, texts}), do: Enum.join(texts, "\n\n")
  defp turn({:model, reply}), do: "You answered:\n\n#{reply.text}"

  defp wanted(nil), do: nil

  defp wanted(schema),
    do:
      "Answer with one JSON value and nothing else: no prose, no markdown fence. Its JSON schema:\n\n#{JSON.encode(schema)}"

  # It needs a key only where nobody has logged in. The other provider's is none of its business.
  defp environment(settings) do
    [
      {"PATH", settings.path},
      {"ANTHROPIC_BASE_URL", settings.base_urls.anthropic},
      {"GEMINI_API_KEY", nil},
      {"GOOGLE_API_KEY", nil}
    ] ++ if(key = settings.keys.anthropic.(), do: [{"ANTHROPIC_API_KEY", key}], else: [])
  end

  defp result(lines) do
    Enum.find_value(lines, fn line ->
      case JSON.decode(line) do
        {:ok, %{"type" => "result"} = result} -> result
        _ -> nil
      end
    end)
  end

  defp read(%{"subtype" => "error_max_turns"}, _, _, ask),
    do: {:error, Error.new(:turn_limit, "claude was not done after #{ask.max_turns} turns")}

  defp read(%{"is_error" => false, "subtype" => "success", "result" => text} = result, 0, _, _)
       when is_binary(text) do
    {:ok, %Reply{text: text, usage: usage(result)}}
  end

  defp read(nil, status, stderr, _),
    do: {:failed, "claude ended without a result (exit status #{status})", stderr}

  defp read(result, status, stderr, _),
    do: {:failed, "claude failed (exit status #{status})", said(result["result"] || stderr)}

  defp said(text) when is_binary(text), do: text
  defp said(value), do: JSON.encode(value)

  # Before it is cut: what is cut off in the middle of a key ends in a part of it.
  defp without_keys(said, settings) do
    keys = for {_, key} <- settings.keys, value = key.(), do: value
    Enum.reduce(keys, said, &String.replace(&2, &1, "…"))
  end

  defp failed(what, said) do
    last = said |> last_bytes() |> String.slice(-@most_of_a_reason, @most_of_a_reason) |> String.trim()
    {kind, again} = kind(said)
    Error.new(kind, "#{what}: #{if last == "", do: "it did not say why", else: last}", again)
  end

  # Bytes that are no text, and the rest of a character that was cut, are left out.
  defp last_bytes(said) do
    size = min(byte_size(said), @most_of_a_reason * 4)

    said
    |> binary_part(byte_size(said), -size)
    |> String.codepoints()
    |> Enum.filter(&String.valid?/1)
    |> Enum.join()
  end

  # It says what was wrong only in words.
  defp kind(said) do
    cond do
      said =~ ~r/invalid api key|please run \/login|authentication/i -> {:authentication, :never}
      said =~ ~r/rate limit|usage limit|\b429\b/i -> {:rate_limit, :soon}
      said =~ ~r/overloaded|\b5\d\d\b/i -> {:provider_unavailable, :soon}
      true -> {:provider_unavailable, :never}
    end
  end

  # Without a result nobody knows.
  defp usage(nil), do: %Usage{}

  defp usage(result) do
    tokens = if is_map(result["usage"]), do: result["usage"], else: %{}

    %Usage{
      calls: 1,
      input_tokens:
        Usage.sum(tokens, ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]),
      output_tokens: Usage.sum(tokens, ["output_tokens"]),
      cost: if(is_number(result["total_cost_usd"]), do: result["total_cost_usd"] / 1)
    }
  end
end
