defmodule Pipeline.WorkTest do
  # Its tasks are those of all tests.
  use ExUnit.Case, async: false

  alias Pipeline.Work

  test "ends what a process began, and what that began, before it returns" do
    test = self()

    work = fn name ->
      send(test, {:began, name, self()})
      Process.sleep(:infinity)
    end

    owner =
      spawn(fn ->
        Work.run("outer", 60_000, fn ->
          Work.each([:a, :b], 2, fn name -> Work.run("inner", 60_000, fn -> work.(name) end) end)
        end)
      end)

    assert_receive {:began, :a, a}
    assert_receive {:began, :b, b}
    # They may not have heard of it yet.
    Process.exit(owner, :kill)
    Work.end_all_of(owner)
    refute Process.alive?(a) or Process.alive?(b)
    assert Task.Supervisor.children(Pipeline.Steps) == []
  end
end
