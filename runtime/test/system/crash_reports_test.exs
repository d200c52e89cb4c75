defmodule Pipeline.System.CrashReportsTest do
  @moduledoc "What is logged of a crash: where, and of which kind, but nothing that the process had in its hands."

  use ExUnit.Case, async: false

  import ExUnit.CaptureLog

  alias Pipeline.System.CrashReports

  setup do
    CrashReports.install()
    on_exit(fn -> :logger.remove_primary_filter(CrashReports) end)
  end

  defp logged(crash) do
    capture_log(fn ->
      pid = crash.()
      monitor = Process.monitor(pid)
      assert_receive {:DOWN, ^monitor, _, _, _}, 1_000
      Logger.flush()
    end)
  end

  defp task(work) do
    Task.Supervisor.async_nolink(Pipeline.Steps, work).pid
  end

  test "a task's exception" do
    said = logged(fn -> task(fn -> String.to_integer("a secret") end) end)
    assert said =~ "a process crashed: :badarg in :erlang.binary_to_integer/1"
    refute said =~ "a secret"
  end

  test "a task's exit" do
    said = logged(fn -> task(fn -> exit({:gone, "a secret"}) end) end)
    assert said =~ "a process crashed"
    refute said =~ "a secret"
  end

  test "a server's state and its last message" do
    {:ok, agent} = Agent.start(fn -> "a secret" end)
    said = logged(fn -> Agent.cast(agent, fn state -> String.to_integer(state) end) && agent end)
    assert said =~ "a process crashed"
    refute said =~ "a secret"
  end

  test "other lines are left as they are" do
    require Logger
    assert capture_log(fn -> Logger.error("as it is") end) =~ "as it is"
  end
end
