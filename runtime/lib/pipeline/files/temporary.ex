defmodule Pipeline.Files.Temporary do
  @moduledoc "Removes a temporary file at the end of a function, even if the process is killed in the middle of it."

  @doc "Call `work` and return its result. Remove the file at `path` afterwards, even if the calling process is killed."
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
