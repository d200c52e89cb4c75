defmodule Pipeline.Model.Provider.ClaudeProgramTest do
  @moduledoc "A stand-in for the `claude` program: a script at the front of a PATH that only these settings have."

  use ExUnit.Case, async: true

  alias Pipeline.{Error, Model, Settings}
  alias Pipeline.Files.Workspace
  alias Pipeline.Model.{Answer, Ask}

  @moduletag :tmp_dir

  @result ~s({"type":"result","subtype":"success","is_error":false,"result":"the plan","total_cost_usd":0.25,) <>
            ~s("usage":{"input_tokens":3,"cache_read_input_tokens":7,"output_tokens":5}})

  setup %{tmp_dir: folder} do
    {:ok, workspace} = Workspace.open(Path.join(folder, "w"))
    %{workspace: workspace, bin: Path.join(folder, "bin"), said: Path.join(folder, "said")}
  end

  defp ask(context, script, changes \\ [], texts \\ ["do $(id) `id` ü"], options \\ []) do
    File.mkdir_p!(context.bin)
    program = Path.join(context.bin, "claude")
    File.write!(program, "#!/bin/sh\nsaid='#{context.said}'\n#{script}\n")
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

  defp eventually(holds?, tries \\ 300) do
    holds?.() or (tries > 0 and Process.sleep(10) == :ok and eventually(holds?, tries - 1))
  end

  test "gets its prompt as it is on standard input, and nowhere else, and works in the workspace", context do
    script = """
    cat > "$said.stdin"; printf '%s\\n' "$@" > "$said.args"; env > "$said.env"; pwd > "$said.pwd"
    tr '\\0' '\\n' < /proc/$PPID/cmdline > "$said.parent"; ls -l "$PIPELINE_STDIN" > "$said.mode"
    echo '{"type":"system","subtype":"init"}'; echo 'not JSON'; echo '#{@result}'
    """

    ask = [system_prompt: "Be brief.", tools: ["Read", "List"], max_turns: 4]
    assert {:ok, %Answer{text: "the plan", usage: usage}} = ask(context, script, ask)
    assert %{calls: 1, input_tokens: 10, output_tokens: 5, cost: 0.25} = usage
    assert File.read!(context.said <> ".stdin") == "Be brief.\n\ndo $(id) `id` ü"
    arguments = File.read!(context.said <> ".args")

    assert String.split(arguments, "\n", trim: true) ==
             ~w(-p --output-format stream-json --verbose --model sonnet --max-turns 4 --allowedTools Read,Glob)

    refute File.read!(context.said <> ".parent") =~ "$(id)"
    assert File.read!(context.said <> ".pwd") == context.workspace.root <> "\n"
    assert File.read!(context.said <> ".mode") =~ "-rw-------"
    environment = File.read!(context.said <> ".env")
    assert environment =~ "ANTHROPIC_API_KEY=secret-key"
    refute environment =~ "$(id)"
    assert [_, stdin] = Regex.run(~r/^PIPELINE_STDIN=(.+)$/m, environment)
    refute File.exists?(Path.dirname(stdin))
  end

  test "a prompt of a megabyte, and a line as long, go through", context do
    script = ~S"""
    n=$(wc -c); printf '{"type":"result","subtype":"success","is_error":false,"result":"%s ' $n
    head -c 1000000 /dev/zero | tr '\0' x; echo '"}'
    """

    assert {:ok, %Answer{text: text}} = ask(context, script, [], [String.duplicate("ä", 500_000)])
    assert text == "1000000 " <> String.duplicate("x", 1_000_000)
  end

  for {name, script, kind, said} <- [
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
      assert message =~ unquote(said)
      refute message =~ "secret-key"
    end
  end

  test "no part of a key is told, wherever what it wrote is cut", context do
    for length <- 490..499 do
      script = "printf 'secret-key%#{length}s' . >&2; exit 1"
      assert {:error, %Error{message: message}} = ask(context, script)
      refute message =~ "-key"
      refute message =~ "y "
    end

    # A key is nothing but blanks away from the place where standard error itself is cut.
    assert {:error, %Error{message: message}} = ask(context, "printf 'secret-key%3995s' '' >&2; exit 1")
    assert message =~ "it did not say why"
  end

  test "what a failure cost is told with it", context do
    for result <- [
          ~s({"type":"result","subtype":"error_max_turns","is_error":false,"total_cost_usd":0.5}),
          ~s({"type":"result","subtype":"success","is_error":true,"result":"no","total_cost_usd":0.5})
        ] do
      assert {:error, %Error{usage: %{calls: 1, cost: 0.5}}} = ask(context, "echo '#{result}'")
    end
  end

  test "bytes that are no text are left out of what is told", context do
    assert {:error, %Error{message: message}} = ask(context, ~S"printf 'a\377b' >&2; exit 1")
    assert message =~ ": ab"
  end

  test "an overload is tried again", context do
    script = """
    echo x >> "$said.tries"
    if [ "$(wc -l < "$said.tries")" -lt 3 ]; then
      echo '{"type":"result","is_error":true,"result":"API Error: 529 overloaded"}'; exit 1
    fi
    echo '#{@result}'
    """

    assert {:ok, %Answer{text: "the plan"}} = ask(context, script)
  end

  test "is ended with its children when it takes too long", context do
    script = ~s(sleep 300 & echo $! > "$said.child"; echo $$ > "$said.self"; wait)
    assert {:error, %Error{kind: :timeout, message: message}} = ask(context, script, [], ["x"], timeout: 500)
    assert message =~ "did not end within 500 ms"
    assert eventually(fn -> gone?(File.read!(context.said <> ".child")) end)
    assert eventually(fn -> gone?(File.read!(context.said <> ".self")) end)
    refute_received _
  end

  test "is ended with its children when its run is", context do
    script = ~s(trap '' TERM; sleep 300 & echo $! > "$said.child"; wait; wait)
    {pid, _} = spawn_monitor(fn -> ask(context, script) end)
    child = fn -> File.read(context.said <> ".child") end
    assert eventually(fn -> match?({:ok, <<_, _::binary>>}, child.()) end)
    Process.exit(pid, :kill)
    assert eventually(fn -> gone?(elem(child.(), 1)) end)
  end

  test "leaves no child behind when it ends well", context do
    script = ~s(sleep 300 > /dev/null & echo $! > "$said.child"; echo '#{@result}')
    assert {:ok, _} = ask(context, script)
    assert eventually(fn -> gone?(File.read!(context.said <> ".child")) end)
  end

  test "a flood is ended", context do
    assert {:error, %Error{kind: :provider_unavailable, message: message}} = ask(context, "yes | tr -d '\\n'")
    assert message =~ "a line of more than"
  end

  test "is told what was wrong with an answer that does not fit", context do
    script = """
    cat > "$said.$(ls "$said".* 2> /dev/null | wc -l)"
    case "$(ls "$said".* | wc -l)" in 1) a=five ;; *) a=5 ;; esac
    echo '{"type":"result","subtype":"success","is_error":false,"result":"'$a'"}'
    """

    assert {:ok, %Answer{value: 5}} = ask(context, script, schema: %{"type" => "integer"})
    assert File.read!(context.said <> ".0") =~ ~s({"type":"integer"})
    assert File.read!(context.said <> ".1") =~ "You answered:\n\nfive\n\nThis answer does not fit"
  end

  test "one that is not there is the user's to install", context do
    ask = %Ask{provider: :claude_program, model: "sonnet", prompt: []}
    settings = settings(context, path: context.tmp_dir)
    assert {:error, %Error{kind: :usage, message: message}} = Model.answer(ask, ["x"], settings, nil)
    assert message =~ "claude is not on the PATH"
  end
end
