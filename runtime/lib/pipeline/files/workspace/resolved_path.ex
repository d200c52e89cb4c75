defmodule Pipeline.Files.Workspace.ResolvedPath do
  @moduledoc """
  The way from a workspace's root to a file, each folder on it looked at by itself: a link is never followed.

  `folders` and `entry` say which ones stood there, so that a later look tells whether they are still the same.
  """

  @enforce_keys [:path, :folders, :entry]
  defstruct [:path, :folders, :entry]

  @type id :: {device :: non_neg_integer(), inode :: non_neg_integer()}
  @type entry :: %{id: id(), type: atom(), mode: non_neg_integer(), size: non_neg_integer()} | nil
  @type t :: %__MODULE__{path: Path.t(), folders: [id()], entry: entry()}

  @doc """
  Go there. What stands at its end is a folder, or a regular file with no second name, or nothing. Folders that are
  missing on the way are made with `make: true`; without it, there is nothing at its end.
  """
  @spec resolve(Path.t(), [String.t()], keyword()) :: {:ok, t()} | {:error, String.t()}
  def resolve(root, names, options \\ []) do
    case :file.read_file_info(root, [:raw, time: :posix]) do
      {:ok, info} -> go(root, names, [id(File.Stat.from_record(info))], options[:make] || false)
      {:error, reason} -> {:error, "the workspace is gone: #{:file.format_error(reason)}"}
    end
  end

  @doc "Whether the same folders and the same file still stand on the way."
  @spec unchanged?(t(), Path.t(), [String.t()]) :: boolean()
  def unchanged?(%__MODULE__{folders: folders, entry: %{id: id}}, root, names) do
    [_ | below] = Enum.reverse([id | folders])
    paths = names |> Enum.scan(root, &Path.join(&2, &1))
    paths |> Enum.zip(below) |> Enum.all?(fn {path, id} -> match?({:ok, %{id: ^id}}, lookup(path)) end)
  end

  @doc "The identity of a file that is open."
  @spec identity(:file.fd()) :: {:ok, id()} | {:error, atom()}
  def identity(file) do
    with {:ok, info} <- :file.read_file_info(file, [:raw, time: :posix]),
         do: {:ok, info |> File.Stat.from_record() |> id()}
  end

  @doc "What stands at the end of a path of which the folders are known to be none but folders."
  @spec lookup(Path.t()) :: {:ok, map()} | :nothing | {:error, String.t()}
  def lookup(path) do
    case :file.read_link_info(path, [:raw, time: :posix]) do
      {:ok, info} -> info |> File.Stat.from_record() |> allowed()
      {:error, :enoent} -> :nothing
      {:error, reason} -> {:error, "cannot be looked at: #{:file.format_error(reason)}"}
    end
  end

  defp allowed(%{type: :regular, links: links}) when links > 1,
    do: {:error, "has a second name (a hard link)"}

  defp allowed(%{type: :symlink}), do: {:error, "is a symbolic link"}

  defp allowed(%{type: type} = stat) when type in [:regular, :directory],
    do: {:ok, %{id: id(stat), type: type, mode: stat.mode, size: stat.size}}

  defp allowed(_), do: {:error, "is a device, a pipe or a socket"}

  @doc "The names in a folder, those left out that no path can name."
  @spec names(Path.t()) :: {:ok, [String.t()]} | {:error, atom()}
  def names(folder) do
    with {:ok, names} <- :file.list_dir_all(folder) do
      {:ok, names |> Enum.map(&bytes/1) |> Enum.filter(&String.valid?/1)}
    end
  end

  defp go(path, [], [id | _] = folders, _),
    do: {:ok, resolved(path, folders, %{id: id, type: :directory, mode: 0, size: 0})}

  defp go(folder, [name | rest], folders, make?) do
    path = Path.join(folder, name)

    case as_written(lookup(path), folder, name) do
      {:ok, %{type: :directory, id: id}} -> go(path, rest, [id | folders], make?)
      {:ok, entry} when rest == [] -> {:ok, resolved(path, folders, entry)}
      {:ok, _} -> {:error, "#{name} is a file, not a folder"}
      :nothing when rest == [] -> {:ok, resolved(path, folders, nil)}
      :nothing when make? -> make(folder, name, rest, folders)
      :nothing -> {:ok, resolved(Path.join([path | rest]), folders, nil)}
      {:error, reason} -> {:error, "#{name} #{reason}"}
    end
  end

  defp make(folder, name, rest, folders) do
    # A parallel step may have made it meanwhile: the next look tells what stands there.
    case :file.make_dir(Path.join(folder, name)) do
      made when made in [:ok, {:error, :eexist}] -> go(folder, [name | rest], folders, true)
      {:error, reason} -> {:error, "#{name} cannot be made: #{:file.format_error(reason)}"}
    end
  end

  # Where upper and lower case name the same file, a name counts only as it stands in its folder.
  defp as_written({:ok, entry}, folder, name) do
    with {:ok, names} <- names(folder),
         true <- name in names do
      {:ok, entry}
    else
      _ -> {:error, "is written with other letters there"}
    end
  end

  defp as_written(nothing, _, _), do: nothing

  defp resolved(path, folders, entry), do: %__MODULE__{path: path, folders: folders, entry: entry}

  # In a C locale the VM gives a name as its bytes, otherwise as its characters.
  defp bytes(name) when is_binary(name), do: name

  defp bytes(name) do
    case :file.native_name_encoding() do
      :latin1 -> :erlang.list_to_binary(name)
      :utf8 -> :unicode.characters_to_binary(name)
    end
  end

  defp id(%File.Stat{major_device: device, inode: inode}), do: {device, inode}
end
