defmodule Pipeline.Files.Workspace.Listing do
  @moduledoc "Lists the files in a folder of a workspace and below it. No link is followed."

  alias Pipeline.Files.Workspace.{Name, ResolvedPath}

  @max_entries 2_000

  @doc """
  Return the sorted paths of the files, relative to the workspace.

  Entries whose name no path may contain, links, hard links, devices and pipes are left out. A folder with more than
  #{@max_entries} entries is an error.
  """
  @spec files(Path.t(), [String.t()]) :: {:ok, [String.t()]} | {:error, String.t()}
  def files(root, names) do
    case ResolvedPath.resolve(root, names) do
      {:ok, %ResolvedPath{entry: %{type: :directory} = folder, path: path}} ->
        with {:ok, files, _} <- list(path, names, folder, 0), do: {:ok, Enum.sort(files)}

      {:ok, %ResolvedPath{entry: nil}} ->
        {:error, "there is no such folder"}

      {:ok, %ResolvedPath{}} ->
        {:error, "is a file, not a folder"}

      {:error, reason} ->
        {:error, reason}
    end
  end

  # Leave out a folder that became a link while it was read: the names in it may be those of another folder.
  defp list(path, names, %{id: id}, count) do
    with {:ok, entries} <- ResolvedPath.names(path),
         true <- names == [] or match?({:ok, %{id: ^id}}, ResolvedPath.lookup(path)) do
      Enum.reduce_while(entries, {:ok, [], count}, fn name, {:ok, files, count} ->
        case entry(Path.join(path, name), names ++ [name], count + 1) do
          {:ok, more, count} -> {:cont, {:ok, more ++ files, count}}
          {:error, reason} -> {:halt, {:error, reason}}
        end
      end)
    else
      _ -> {:ok, [], count}
    end
  end

  defp entry(_, _, count) when count > @max_entries,
    do: {:error, "has more than #{@max_entries} entries: list one of its folders instead"}

  defp entry(path, names, count) do
    relative = Enum.join(names, "/")

    case Name.split(relative) == {:ok, names} && ResolvedPath.lookup(path) do
      {:ok, %{type: :directory} = folder} -> list(path, names, folder, count)
      {:ok, _} -> {:ok, [relative], count}
      _ -> {:ok, [], count}
    end
  end
end
