defmodule Pipeline.Files.TemporaryTest do
  use ExUnit.Case, async: true

  import Pipeline.Waiting

  alias Pipeline.Files.Temporary
  alias Pipeline.System.Signals

  @moduletag :tmp_dir

  test "a killed process leaves no temporary file and no entry in the list of writes", %{tmp_dir: folder} do
    file = Path.join(folder, "temporary")
    test = self()
    writers = fn -> for {pid, _} <- Registry.lookup(Signals, :writes), do: pid end
    Signals.install()

    writer =
      spawn(fn ->
        Signals.uninterrupted(fn ->
          Temporary.with_file(file, fn ->
            File.write!(file, "half")
            send(test, :written)
            Process.sleep(:infinity)
          end)
        end)
      end)

    assert_receive :written
    assert writer in writers.()
    Process.exit(writer, :kill)
    until(fn -> not File.exists?(file) end)
    until(fn -> writer not in writers.() end)
  end

  test "a temporary file is removed when the function returns or raises", %{tmp_dir: folder} do
    file = Path.join(folder, "temporary")
    assert Temporary.with_file(file, fn -> File.write(file, "whole") end) == :ok
    refute File.exists?(file)

    assert_raise RuntimeError, fn ->
      Temporary.with_file(file, fn -> File.write!(file, "x") && raise "no" end)
    end

    refute File.exists?(file)
  end
end
