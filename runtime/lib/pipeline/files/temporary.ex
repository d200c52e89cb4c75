defmodule Pipeline.Files.Temporary do
  @moduledoc "A file that is gone when a function has returned, or when its process was killed in the middle of it."

  @spec with_file(Path.t(), (() -> result)) :: result when result: term()
  def with_file(path, work) do
    owner = self()
    guard = spawn(fn -> guard(Process.monitor(owner), path) end)

    try do
      work.()
    after
      File.rm(path)
      send(guard, :done)
    end
  end

  defp guard(monitor, path) do
    receive do
      :done -> :ok
      {:DOWN, ^monitor, _, _, _} -> File.rm(path)
    end
  end
end
