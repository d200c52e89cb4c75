defmodule Pipeline.Files.StaleFolders do
  @moduledoc """
  Folders of runs and programs that a VM which was killed could not take away. A prompt or a plan may be in them, so the next
  VM does it, if they are ours and so old that nothing here can still be using them: a run takes a day at most.
  """

  import Bitwise

  @days 2
  # What `Pipeline.System.Program` and `Pipeline.Serve.Folder` draw at random.
  @name ~r/\Apipeline-(?:[0-9a-f]{24}|[0-9a-f]{32})\z/

  @doc "Take them away."
  @spec remove(Path.t()) :: :ok
  def remove(folder \\ System.tmp_dir!()) do
    with {:ok, names} <- File.ls(folder),
         [_ | _] = old <-
           for(name <- names, name =~ @name, path = Path.join(folder, name), old?(path), do: path),
         uid when uid != nil <- own_uid() do
      for path <- old, match?({:ok, %{uid: ^uid}}, File.lstat(path)), do: File.rm_rf(path)
    end

    :ok
  end

  # One that nobody else may enter, so that nobody changes what is in it while it is taken away.
  defp old?(path) do
    case File.lstat(path, time: :posix) do
      {:ok, %{type: :directory, mode: mode, mtime: time}} ->
        band(mode, 0o077) == 0 and System.os_time(:second) - time > @days * 86_400

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
