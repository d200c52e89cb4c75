defmodule Pipeline.System.SignalsTest do
  @moduledoc "Tests signals that end commands, as processes, in the middle of their work."

  use ExUnit.Case, async: true

  import Pipeline.Waiting

  alias Pipeline.{CommandProcess, ScriptedProvider}

  @moduletag :tmp_dir

  for {signal, status} <- [{"TERM", 143}, {"INT", 130}] do
    test "SIG#{signal} during a call of a model ends a command at once and leaves no files", %{
      tmp_dir: folder
    } do
      provider = start_supervised!({ScriptedProvider, [:hang]})

      command =
        CommandProcess.start(folder, provider, ["pipeline.generate.live", "--output", "plan.yaml", "hello"])

      until(fn -> ScriptedProvider.requests(provider) != [] end)
      CommandProcess.signal(command, unquote(signal))
      assert {unquote(status), output, milliseconds} = CommandProcess.await_exit(command)
      # The call of the model would take minutes.
      assert milliseconds < 40_000
      refute output =~ "✅"
      assert File.ls!(folder) == []
    end
  end

  test "stop ends the VM even if the application has not started" do
    code = "Pipeline.System.Signals.install(); Pipeline.System.Signals.stop(143)"
    assert {_, 143} = System.cmd("elixir", ["-pa", Mix.Project.compile_path(), "-e", code])
  end

  test "SIGTERM before a command begins ends it", %{tmp_dir: folder} do
    File.write!(
      Path.join(folder, "p.yaml"),
      "workflow: {name: a, steps: [{name: b, type: set_variable, variable: c, value: 1}]}"
    )

    signal = ~S|System.cmd("kill", ["-TERM", System.pid()]); Process.sleep(20_000)|
    command = CommandProcess.start(folder, nil, ["do", "eval", signal, "+", "pipeline.run", "p.yaml"])
    assert {143, "", _} = CommandProcess.await_exit(command)
    assert File.ls!(folder) == ["p.yaml"]
  end

  test "SIGTERM ends the claude program and removes the file with its prompt", %{tmp_dir: folder} do
    pid_file = Path.join(folder, "pid")
    bin = Path.join(folder, "bin")
    File.mkdir!(bin)
    # This program ignores SIGTERM.
    File.write!(Path.join(bin, "claude"), """
    #!/bin/sh
    trap '' TERM
    echo "$PIPELINE_STDIN" > #{pid_file}.stdin
    echo $$ > #{pid_file}
    while true; do sleep 1; done
    """)

    File.chmod!(Path.join(bin, "claude"), 0o755)

    File.write!(Path.join(folder, "pipeline.yaml"), """
    workflow:
      name: program
      steps:
        - name: one
          type: claude
          via: program
          prompt: [{type: variable, name: user_prompt}]
    """)

    arguments = ["pipeline.generate.live", "--pipeline", "pipeline.yaml", "--output", "plan.yaml", "hello"]
    command = CommandProcess.start(folder, nil, arguments, [{"PATH", "#{bin}:#{System.get_env("PATH")}"}])
    until(fn -> File.exists?(pid_file) and File.read!(pid_file) != "" end)
    prompt = pid_file |> Kernel.<>(".stdin") |> File.read!() |> String.trim()
    assert File.exists?(prompt)
    CommandProcess.signal(command, "TERM")
    assert {143, output, milliseconds} = CommandProcess.await_exit(command)
    # The program would run for ever.
    assert milliseconds < 40_000
    refute output =~ "✅"
    refute File.exists?(Path.dirname(prompt))
    refute File.exists?(Path.join(folder, "plan.yaml"))
    until(fn -> ended?(pid_file |> File.read!() |> String.trim()) end)
  end

  # A process that was killed stays a zombie until its parent has noticed.
  defp ended?(pid) do
    case File.read("/proc/#{pid}/status") do
      {:ok, status} -> status =~ ~r/^State:\s+Z/m
      {:error, _} -> true
    end
  end
end
