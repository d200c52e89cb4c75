defmodule Pipeline.System.SupervisedTaskTest do
  # Other tests start tasks under the same supervisor, so this test runs alone.
  use ExUnit.Case, async: false

  alias Pipeline.System.SupervisedTask

  test "end_all_of ends all tasks of a process, and the tasks of these tasks, before it returns" do
    test = self()

    work = fn name ->
      send(test, {:began, name, self()})
      Process.sleep(:infinity)
    end

    owner =
      spawn(fn ->
        SupervisedTask.run("outer", 60_000, fn ->
          SupervisedTask.each([:a, :b], 2, fn name ->
            SupervisedTask.run("inner", 60_000, fn -> work.(name) end)
          end)
        end)
      end)

    assert_receive {:began, :a, a}
    assert_receive {:began, :b, b}
    # The tasks may not have noticed yet that their owner has ended.
    Process.exit(owner, :kill)
    SupervisedTask.end_all_of(owner)
    refute Process.alive?(a) or Process.alive?(b)
    assert Task.Supervisor.children(Pipeline.Steps) == []
  end
end
