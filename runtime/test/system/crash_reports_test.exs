defmodule Pipeline.System.CrashReportsTest do
  @moduledoc "Tests that the log of a crash has its place and its kind, but no values."

  use ExUnit.Case, async: false

  import ExUnit.CaptureLog

  alias Pipeline.System.CrashReports

  setup do
    CrashReports.install()
    on_exit(fn -> :logger.remove_primary_filter(CrashReports) end)
  end

  defp log_of(crash) do
    capture_log(fn ->
      pid = crash.()
      monitor = Process.monitor(pid)
      assert_receive {:DOWN, ^monitor, _, _, _}
      Logger.flush()
    end)
  end

  defp task(work) do
    Task.Supervisor.async_nolink(Pipeline.Steps, work).pid
  end

  test "the exception of a task is logged without its values" do
    log = log_of(fn -> task(fn -> String.to_integer("a secret") end) end)
    assert log =~ "a process crashed: :badarg in :erlang.binary_to_integer/1"
    refute log =~ "a secret"
  end

  test "the exit of a task is logged without its reason's values" do
    log = log_of(fn -> task(fn -> exit({:gone, "a secret"}) end) end)
    assert log =~ "a process crashed"
    refute log =~ "a secret"
  end

  test "the crash of a server is logged without its state and its last message" do
    {:ok, agent} = Agent.start(fn -> "a secret" end)
    log = log_of(fn -> Agent.cast(agent, fn state -> String.to_integer(state) end) && agent end)
    assert log =~ "a process crashed"
    refute log =~ "a secret"
  end

  test "other messages are logged unchanged" do
    require Logger
    assert capture_log(fn -> Logger.error("as it is") end) =~ "as it is"
  end
end
