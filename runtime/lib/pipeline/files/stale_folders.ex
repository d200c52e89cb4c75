defmodule Pipeline.Files.StaleFolders do
  @moduledoc """
  Removes the temporary folders that a killed VM left behind. They belong to runs and programs, and may hold prompts and plans.

  A folder is removed only if it belongs to this user, nobody else may enter it, and it is more than two days old. No run can
  still use such a folder, because a run takes a day at most.
  """

  import Bitwise

  @max_age_days 2
  # `Pipeline.System.Program` makes names with 24 random digits, and `Pipeline.Serve.Folder` names with 32.
  @name ~r/\Apipeline-(?:[0-9a-f]{24}|[0-9a-f]{32})\z/

  @doc "Remove the stale folders in `folder`, the system's folder for temporary files by default."
  @spec remove(Path.t()) :: :ok
  def remove(folder \\ System.tmp_dir!()) do
    with {:ok, names} <- File.ls(folder),
         [_ | _] = stale_folders <-
           for(name <- names, name =~ @name, path = Path.join(folder, name), stale?(path), do: path),
         uid when uid != nil <- own_uid() do
      for path <- stale_folders, match?({:ok, %{uid: ^uid}}, File.lstat(path)), do: File.rm_rf(path)
    end

    :ok
  end

  # If others could enter the folder, they could change its contents while it is removed.
  defp stale?(path) do
    case File.lstat(path, time: :posix) do
      {:ok, %{type: :directory, mode: mode, mtime: time}} ->
        band(mode, 0o077) == 0 and System.os_time(:second) - time > @max_age_days * 86_400

      _ ->
        false
    end
  end

  defp own_uid do
    with {text, 0} <- System.cmd("id", ["-u"]), {uid, _} <- Integer.parse(text), do: uid, else: (_ -> nil)
  rescue
    ErlangError -> nil
  end
end
