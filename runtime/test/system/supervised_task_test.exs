defmodule Pipeline.System.SupervisedTaskTest do
  # Its tasks are those of all tests.
  use ExUnit.Case, async: false

  alias Pipeline.System.SupervisedTask

  test "ends what a process began, and what that began, before it returns" do
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
    # They may not have heard of it yet.
    Process.exit(owner, :kill)
    SupervisedTask.end_all_of(owner)
    refute Process.alive?(a) or Process.alive?(b)
    assert Task.Supervisor.children(Pipeline.Steps) == []
  end
end
