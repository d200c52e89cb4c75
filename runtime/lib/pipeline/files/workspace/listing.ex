defmodule Pipeline.Files.Workspace.Listing do
  @moduledoc "The files in a folder of a workspace and below it, each looked at once. No link is followed."

  alias Pipeline.Files.Workspace.{Name, ResolvedPath}

  @most_entries 2_000

  @doc "Their paths in the workspace, in order. What no path can name, and what is no file of its own, is left out."
  @spec files(Path.t(), [String.t()]) :: {:ok, [String.t()]} | {:error, String.t()}
  def files(root, names) do
    case ResolvedPath.resolve(root, names) do
      {:ok, %ResolvedPath{entry: %{type: :directory} = folder, path: path}} ->
        with {:ok, files, _} <- inside(path, names, folder, 0), do: {:ok, Enum.sort(files)}

      {:ok, %ResolvedPath{entry: nil}} ->
        {:error, "there is no such folder"}

      {:ok, %ResolvedPath{}} ->
        {:error, "is a file, not a folder"}

      {:error, reason} ->
        {:error, reason}
    end
  end

  # A folder that became a link while it was read is left out: its names would be another folder's.
  defp inside(path, names, %{id: id}, count) do
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

  defp entry(_, _, count) when count > @most_entries,
    do: {:error, "has more than #{@most_entries} entries in it: name a folder of it"}

  defp entry(path, names, count) do
    named = Enum.join(names, "/")

    case Name.split(named) == {:ok, names} && ResolvedPath.lookup(path) do
      {:ok, %{type: :directory} = folder} -> inside(path, names, folder, count)
      {:ok, _} -> {:ok, [named], count}
      _ -> {:ok, [], count}
    end
  end
end
