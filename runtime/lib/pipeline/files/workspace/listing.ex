defmodule Pipeline.Files.Workspace.Listing do
  @moduledoc "Lists the files in a folder of a workspace and below it. No link is followed."

  alias Pipeline.Files.Workspace.{Name, ResolvedPath}

  @max_entries 2_000
  # A program that replaces a folder by a link and back again can deceive one check, but not this number of checks.
  @checks 8

  @doc """
  Return the sorted paths of the files, relative to the workspace.

  Entries whose name no path may contain, links, hard links, devices and pipes are left out. A folder with more than
  #{@max_entries} entries is an error.
  """
  @spec files(Path.t(), [String.t()]) :: {:ok, [String.t()]} | {:error, String.t()}
  def files(root, names) do
    case ResolvedPath.resolve(root, names) do
      {:ok, %ResolvedPath{entry: %{type: :directory}} = folder} ->
        with {:ok, files, _} <- list(folder, root, names, 0), do: {:ok, Enum.sort(files)}

      {:ok, %ResolvedPath{entry: nil}} ->
        {:error, "there is no such folder"}

      {:ok, %ResolvedPath{}} ->
        {:error, "is a file, not a folder"}

      {:error, reason} ->
        {:error, reason}
    end
  end

  # Return the files below a folder and the number of entries so far. A folder that another program replaced by a link, or whose
  # path now leads through such a link, is left out: the names in it may be those of a folder outside.
  defp list(%ResolvedPath{path: path} = folder, root, names, count) do
    with {:ok, entries} <- ResolvedPath.names(path),
         true <- Enum.all?(1..@checks, fn _ -> ResolvedPath.unchanged?(folder, root, names) end) do
      Enum.reduce_while(entries, {:ok, [], count}, fn name, {:ok, files, count} ->
        case entry(folder, root, name, names ++ [name], count + 1) do
          {:ok, more, count} -> {:cont, {:ok, more ++ files, count}}
          {:error, reason} -> {:halt, {:error, reason}}
        end
      end)
    else
      _ -> {:ok, [], count}
    end
  end

  defp entry(_, _, _, _, count) when count > @max_entries,
    do: {:error, "has more than #{@max_entries} entries: list one of its folders instead"}

  defp entry(folder, root, name, names, count) do
    relative = Enum.join(names, "/")
    path = Path.join(folder.path, name)

    case Name.split(relative) == {:ok, names} && ResolvedPath.lookup(path) do
      {:ok, %{type: :directory, id: id} = entry} ->
        list(%ResolvedPath{path: path, folders: [id | folder.folders], entry: entry}, root, names, count)

      {:ok, _} ->
        {:ok, [relative], count}

      _ ->
        {:ok, [], count}
    end
  end
end
