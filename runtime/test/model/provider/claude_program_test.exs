defmodule Pipeline.Model.Provider.ClaudeProgramTest do
  @moduledoc "Tests calls of the `claude` program. A script stands in for it, at the front of a PATH that only these settings have."

  use ExUnit.Case, async: true

  import Pipeline.Waiting

  alias Pipeline.{Error, Model, Settings}
  alias Pipeline.Files.Workspace
  alias Pipeline.Model.{Answer, Ask}

  @moduletag :tmp_dir

  @result ~s({"type":"result","subtype":"success","is_error":false,"result":"the plan","total_cost_usd":0.25,) <>
            ~s("usage":{"input_tokens":3,"cache_read_input_tokens":7,"output_tokens":5}})

  setup %{tmp_dir: folder} do
    {:ok, workspace} = Workspace.open(Path.join(folder, "w"))
    %{workspace: workspace, bin: Path.join(folder, "bin"), record: Path.join(folder, "record")}
  end

  defp ask(context, script, changes \\ [], texts \\ ["do $(id) `id` ü"], options \\ []) do
    File.mkdir_p!(context.bin)
    program = Path.join(context.bin, "claude")
    File.write!(program, "#!/bin/sh\nrecord='#{context.record}'\n#{script}\n")
    File.chmod!(program, 0o755)
    ask = struct!(%Ask{provider: :claude_program, model: "sonnet", prompt: []}, changes)
    Model.answer(ask, texts, settings(context, options), context.workspace)
  end

  defp settings(context, options) do
    struct!(
      %Settings{
        keys: %{anthropic: fn -> "secret-key" end, gemini: fn -> "other-key" end},
        base_urls: %{anthropic: "http://127.0.0.1:1", gemini: "http://127.0.0.1:1"},
        timeout: 20_000,
        retry_base: 1,
        path: "#{context.bin}:#{System.get_env("PATH")}"
      },
      options
    )
  end

  defp gone?(pid), do: match?({_, 1}, System.cmd("kill", ["-0", String.trim(pid)], stderr_to_stdout: true))

  test "the program gets its prompt on standard input alone, and works in the workspace", context do
    script = """
    cat > "$record.stdin"; printf '%s\\n' "$@" > "$record.args"; env > "$record.env"; pwd > "$record.pwd"
    tr '\\0' '\\n' < /proc/$PPID/cmdline > "$record.parent"; ls -l "$PIPELINE_STDIN" > "$record.mode"
    echo '{"type":"system","subtype":"init"}'; echo 'not JSON'; echo '#{@result}'
    """

    ask = [system_prompt: "Be brief.", tools: ["Read", "List"], max_turns: 4]
    assert {:ok, %Answer{text: "the plan", usage: usage}} = ask(context, script, ask)
    assert %{calls: 1, input_tokens: 3, cached_input_tokens: 7, output_tokens: 5} = usage
    assert File.read!(context.record <> ".stdin") == "Be brief.\n\ndo $(id) `id` ü"
    arguments = File.read!(context.record <> ".args")

    assert String.split(arguments, "\n") ==
             ~w(-p --output-format stream-json --verbose --model sonnet --max-turns 4 --setting-sources) ++
               ["", "--strict-mcp-config", "--tools", "Read,Glob", "--allowedTools", "Read,Glob", ""]

    refute File.read!(context.record <> ".parent") =~ "$(id)"
    assert File.read!(context.record <> ".pwd") == context.workspace.root <> "\n"
    assert File.read!(context.record <> ".mode") =~ "-rw-------"
    environment = File.read!(context.record <> ".env")
    assert environment =~ "ANTHROPIC_API_KEY=secret-key"
    refute environment =~ "$(id)"
    assert [_, stdin] = Regex.run(~r/^PIPELINE_STDIN=(.+)$/m, environment)
    refute File.exists?(Path.dirname(stdin))
  end

  test "a prompt of a megabyte and a line of a megabyte are passed whole", context do
    script = ~S"""
    n=$(wc -c); printf '{"type":"result","subtype":"success","is_error":false,"result":"%s ' $n
    head -c 1000000 /dev/zero | tr '\0' x; echo '"}'
    """

    assert {:ok, %Answer{text: text}} = ask(context, script, [], [String.duplicate("ä", 500_000)])
    assert text == "1000000 " <> String.duplicate("x", 1_000_000)
  end

  for {name, script, kind, text} <- [
        {"no result", "echo '{}'; echo oh >&2", :provider_unavailable,
         "without a result (exit status 0): oh"},
        {"nothing at all", "exit 3", :provider_unavailable, "exit status 3): it did not say why"},
        {"a result, but a bad end", "echo '#{@result}'; exit 1", :provider_unavailable, "exit status 1"},
        {"an error for a result",
         ~s(echo '{"type":"result","subtype":"success","is_error":true,"result":"no"}'),
         :provider_unavailable, "no"},
        {"a bad key",
         ~s(echo '{"type":"result","is_error":true,"result":"Invalid API key secret-key"}'; exit 1),
         :authentication, "Invalid API key …"},
        {"too many turns", ~s(echo '{"type":"result","subtype":"error_max_turns","is_error":false}'),
         :turn_limit, "after 10 turns"}
      ] do
    test "#{name} is a failure", context do
      assert {:error, %Error{kind: unquote(kind), message: message}} = ask(context, unquote(script))
      assert message =~ unquote(text)
      refute message =~ "secret-key"
    end
  end

  defp result(fields),
    do: [result(), fields] |> Enum.reduce(&Map.merge(&2, &1)) |> :jiffy.encode() |> IO.iodata_to_binary()

  defp result, do: %{type: "result", subtype: "success", is_error: false, result: "the plan"}

  # Lines that the program writes, as a script that prints them.
  defp printing(context, lines, status \\ 0) do
    File.mkdir_p!(context.tmp_dir)
    file = Path.join(context.tmp_dir, "lines")
    File.write!(file, Enum.map(lines, &[&1, "\n"]))
    "cat '#{file}'; exit #{status}"
  end

  for {name, fields, kind, text} <- [
        {"errors[]",
         %{subtype: "error_during_execution", is_error: true, result: nil, errors: ["Error: EACCES: '/x'"]},
         :provider_unavailable, "EACCES: '/x'"},
        {"a session limit",
         %{is_error: true, result: "You've hit your session limit · resets 4:20am (Europe/Berlin)"},
         :rate_limit, "resets 4:20am"},
        {"a weekly limit", %{is_error: true, result: "You've hit your weekly limit"}, :rate_limit, "weekly"},
        {"no credit", %{is_error: true, result: "Credit balance is too low"}, :no_credit, "too low"},
        {"an expired login",
         %{
           is_error: true,
           result:
             ~s(Failed to authenticate. API Error: 401 {"type":"error","error":{"type":"authentication_error","message":"OAuth token has expired"}})
         }, :authentication, "expired"},
        {"no login", %{is_error: true, result: "Not logged in · Please run /login"}, :authentication,
         "/login"},
        {"a long prompt", %{is_error: true, result: "Prompt is too long"}, :context_window,
         "shorten the prompt"},
        {"a rate limit", %{is_error: true, result: "API Error: 429 rate_limit_error"}, :rate_limit, "429"},
        {"an overload that is called a success",
         %{result: "API Error: 529 Overloaded. This is a server-side issue, usually temporary"},
         :provider_unavailable, "529 Overloaded"},
        {"a limit that is called a success", %{result: "You've hit your session limit · resets 5am"},
         :rate_limit, "session limit"},
        {"a long answer",
         %{is_error: true, result: "API Error: Claude's response exceeded the 32000 output token maximum."},
         :truncated, "output token maximum"},
        {"an unknown model",
         %{is_error: true, result: "There's an issue with the selected model (x). It may not exist"},
         :unknown_model, "expected a current model such as claude-sonnet-5-5"},
        {"a disabled account", %{is_error: true, result: "This organization has been disabled."},
         :account_disabled, "disabled"},
        {"a refusal", %{stop_reason: "refusal"}, :blocked, "refused the prompt (stop_reason refusal)"},
        {"a cut answer", %{stop_reason: "max_tokens"}, :truncated, "limit of output tokens"}
      ] do
    test "#{name} is an error of its own kind", context do
      script =
        printing(
          context,
          [result(unquote(Macro.escape(fields)))],
          unquote(if fields[:is_error], do: 1, else: 0)
        )

      assert {:error, %Error{kind: unquote(kind), message: message}} = ask(context, script, retries: 0)
      assert message =~ unquote(text)
    end
  end

  test "a limit of a subscription lasts, and a rate limit passes", context do
    for {words, retry} <- [
          {"Claude AI usage limit reached|1764090000", :never},
          {"You've hit your session limit", :never},
          {"API Error: Rate limit reached", :soon}
        ] do
      script = printing(context, [result(%{is_error: true, result: words})], 1)
      assert {:error, %Error{kind: :rate_limit, retry: ^retry}} = ask(context, script, retries: 0)
    end
  end

  test "the code decides the kind of a failure if its words do not", context do
    line = ~s({"type":"assistant","message":{"model":"<synthetic>"},"error":"billing_error"})
    script = printing(context, [line, result(%{is_error: true, result: "no"})], 1)
    assert {:error, %Error{kind: :no_credit}} = ask(context, script)
  end

  test "the last of several results counts", context do
    script =
      printing(context, [result(%{result: "Started", queued_turn_count: 1}), result(%{result: "final plan"})])

    assert {:ok, %Answer{text: "final plan"}} = ask(context, script)
    script = printing(context, [result(%{}), result(%{is_error: true, result: "Prompt is too long"})])
    assert {:error, %Error{kind: :context_window}} = ask(context, script)
  end

  test "a step without tools allows the program no tools", context do
    script = ~s(printf '%s|' "$@" > "$record.args"; echo '#{@result}')
    assert {:ok, _} = ask(context, script)
    assert File.read!(context.record <> ".args") =~ "|--setting-sources||--strict-mcp-config|--tools||"
  end

  test "tokens are reported by the models that the program asked", context do
    usage = %{
      "claude-sonnet-5-5" => %{
        inputTokens: 10,
        cacheReadInputTokens: 20,
        cacheCreationInputTokens: 30,
        outputTokens: 40
      },
      "claude-haiku-5-5" => %{inputTokens: 1, outputTokens: 2}
    }

    line = ~s({"type":"assistant","message":{"model":"claude-sonnet-5-5"}})
    script = printing(context, [line, result(%{modelUsage: usage})])
    assert {:ok, %Answer{usage: usage}} = ask(context, script)

    assert %{calls: 1, input_tokens: 11, cached_input_tokens: 20, cache_write_tokens: 30, output_tokens: 42} =
             usage

    assert [%{model: "claude-haiku-5-5", calls: 0}, %{model: "claude-sonnet-5-5", asked: "sonnet", calls: 1}] =
             Enum.sort_by(usage.models, & &1.model)

    assert Pipeline.Model.Usage.substitutions(usage) == []
  end

  test "no part of a key is in a message, wherever the output is cut", context do
    for length <- 490..499 do
      script = "printf 'secret-key%#{length}s' . >&2; exit 1"
      assert {:error, %Error{message: message}} = ask(context, script)
      refute message =~ "-key"
      refute message =~ "y "
    end

    # Only the last 4,000 bytes of standard error are read. Here, they begin in the middle of the key.
    assert {:error, %Error{message: message}} = ask(context, "printf 'secret-key%3995s' '' >&2; exit 1")
    assert message =~ "it did not say why"
  end

  test "a failed run reports its tokens", context do
    for result <- [
          ~s({"type":"result","subtype":"error_max_turns","is_error":false,"usage":{"output_tokens":5}}),
          ~s({"type":"result","subtype":"success","is_error":true,"result":"no","usage":{"output_tokens":5}})
        ] do
      assert {:error, %Error{usage: %{calls: 1, output_tokens: 5}}} = ask(context, "echo '#{result}'")
    end
  end

  test "bytes that are not UTF-8 are left out of a message", context do
    assert {:error, %Error{message: message}} = ask(context, ~S"printf 'a\377b' >&2; exit 1")
    assert message =~ ": ab"
  end

  test "the program is called again after an overload", context do
    script = """
    echo x >> "$record.tries"
    if [ "$(wc -l < "$record.tries")" -lt 3 ]; then
      echo '{"type":"result","is_error":true,"result":"API Error: 529 overloaded"}'; exit 1
    fi
    echo '#{@result}'
    """

    assert {:ok, %Answer{text: "the plan"}} = ask(context, script)
  end

  test "the program is ended with its children when it takes too long", context do
    script = ~s(sleep 300 & echo $! > "$record.child"; echo $$ > "$record.self"; wait)

    assert {:error, %Error{kind: :timeout, message: message}} =
             ask(context, script, [], ["x"], timeout: 4_000)

    assert message =~ "did not end within 4000 ms"
    until(fn -> gone?(File.read!(context.record <> ".child")) end)
    until(fn -> gone?(File.read!(context.record <> ".self")) end)
    refute_received _
  end

  test "the program is ended with its children when its run is ended", context do
    script = ~s(trap '' TERM; sleep 300 & echo $! > "$record.child"; wait; wait)
    {pid, _} = spawn_monitor(fn -> ask(context, script) end)
    child = fn -> File.read(context.record <> ".child") end
    until(fn -> match?({:ok, <<_, _::binary>>}, child.()) end)
    Process.exit(pid, :kill)
    until(fn -> gone?(elem(child.(), 1)) end)
  end

  test "the program leaves no child behind when it ends well", context do
    script = ~s(sleep 300 > /dev/null & echo $! > "$record.child"; echo '#{@result}')
    assert {:ok, _} = ask(context, script)
    until(fn -> gone?(File.read!(context.record <> ".child")) end)
  end

  test "a program that writes without end is ended", context do
    assert {:error, %Error{kind: :provider_unavailable, message: message}} = ask(context, "yes | tr -d '\\n'")
    assert message =~ "a line of more than"
  end

  test "the next prompt says what was wrong with an answer that does not fit", context do
    script = """
    cat > "$record.$(ls "$record".* 2> /dev/null | wc -l)"
    case "$(ls "$record".* | wc -l)" in 1) a=five ;; *) a=5 ;; esac
    echo '{"type":"result","subtype":"success","is_error":false,"result":"'$a'"}'
    """

    assert {:ok, %Answer{value: 5}} = ask(context, script, schema: %{"type" => "integer"})
    assert File.read!(context.record <> ".0") =~ ~s({"type":"integer"})
    assert File.read!(context.record <> ".1") =~ "You answered:\n\nfive\n\nThis answer does not fit"
  end

  test "a missing program is an error that the user can mend", context do
    ask = %Ask{provider: :claude_program, model: "sonnet", prompt: []}
    settings = settings(context, path: context.tmp_dir)
    assert {:error, %Error{kind: :usage, message: message}} = Model.answer(ask, ["x"], settings, nil)
    assert message =~ "claude is not on the PATH"
  end
end
