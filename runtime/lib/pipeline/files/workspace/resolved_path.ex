defmodule Pipeline.Files.Workspace.ResolvedPath do
  @moduledoc """
  Resolves a path in a workspace one folder at a time, from the root of the workspace to the file. A link is never followed.

  `folders` has the identities of the folders on the way, from the innermost. If the path ends at a folder, this folder is the
  first of them. `entry` describes the file or folder at the end of the path. It is nil if nothing exists there.

  `unchanged?/3` compares these identities with those of a later time, to find out if the path still leads to the same entry.
  """

  @enforce_keys [:path, :folders, :entry]
  defstruct [:path, :folders, :entry]

  @type id :: {device :: non_neg_integer(), inode :: non_neg_integer()}
  @type entry :: %{id: id(), type: atom(), mode: non_neg_integer(), size: non_neg_integer()} | nil
  @type t :: %__MODULE__{path: Path.t(), folders: [id()], entry: entry()}

  @doc """
  Resolve a path. It is an error if the path leads through anything but folders, or ends at anything but a folder or a regular
  file without hard links.

  The option `create: true` creates the folders that are missing on the way. Without it, the entry of such a path is nil.
  """
  @spec resolve(Path.t(), [String.t()], keyword()) :: {:ok, t()} | {:error, String.t()}
  def resolve(root, names, options \\ []) do
    case :file.read_file_info(root, [:raw, time: :posix]) do
      {:ok, info} -> walk(root, names, [id(File.Stat.from_record(info))], options[:create] || false)
      {:error, reason} -> {:error, "the workspace cannot be read: #{:file.format_error(reason)}"}
    end
  end

  @doc "Return true if the path still leads through the same folders to the same file or folder."
  @spec unchanged?(t(), Path.t(), [String.t()]) :: boolean()
  def unchanged?(%__MODULE__{folders: folders, entry: %{id: id}}, root, names) do
    # The root is not checked. A folder at the end stands in this list twice, and `zip` ignores the second one.
    [_ | ids] = Enum.reverse([id | folders])
    paths = names |> Enum.scan(root, &Path.join(&2, &1))
    paths |> Enum.zip(ids) |> Enum.all?(fn {path, id} -> match?({:ok, %{id: ^id}}, lookup(path)) end)
  end

  @doc "Return the identity of an open file."
  @spec identity(:file.fd()) :: {:ok, id()} | {:error, atom()}
  def identity(file) do
    with {:ok, info} <- :file.read_file_info(file, [:raw, time: :posix]),
         do: {:ok, info |> File.Stat.from_record() |> id()}
  end

  @doc """
  Return the entry at a path, or `:nothing` if no entry exists. Symbolic links, files with hard links, devices, pipes and sockets
  are errors.

  The caller has to make sure that the path leads through folders only, not through links.
  """
  @spec lookup(Path.t()) :: {:ok, map()} | :nothing | {:error, String.t()}
  def lookup(path) do
    case :file.read_link_info(path, [:raw, time: :posix]) do
      {:ok, info} -> info |> File.Stat.from_record() |> check_type()
      {:error, :enoent} -> :nothing
      {:error, reason} -> {:error, "cannot be read: #{:file.format_error(reason)}"}
    end
  end

  defp check_type(%{type: :regular, links: links}) when links > 1,
    do: {:error, "has a second name (a hard link)"}

  defp check_type(%{type: :symlink}), do: {:error, "is a symbolic link"}

  defp check_type(%{type: type} = stat) when type in [:regular, :directory],
    do: {:ok, %{id: id(stat), type: type, mode: stat.mode, size: stat.size}}

  defp check_type(_), do: {:error, "is a device, a pipe or a socket"}

  @doc "Return the names in a folder, without those that are not UTF-8."
  @spec names(Path.t()) :: {:ok, [String.t()]} | {:error, atom()}
  def names(folder) do
    with {:ok, names} <- :file.list_dir_all(folder) do
      {:ok, names |> Enum.map(&bytes/1) |> Enum.filter(&String.valid?/1)}
    end
  end

  defp walk(path, [], [id | _] = folders, _),
    do: {:ok, resolved(path, folders, %{id: id, type: :directory, mode: 0, size: 0})}

  defp walk(folder, [name | rest], folders, create?) do
    path = Path.join(folder, name)

    case check_spelling(lookup(path), folder, name) do
      {:ok, %{type: :directory, id: id}} -> walk(path, rest, [id | folders], create?)
      {:ok, entry} when rest == [] -> {:ok, resolved(path, folders, entry)}
      {:ok, _} -> {:error, "#{name} is a file, not a folder"}
      :nothing when rest == [] -> {:ok, resolved(path, folders, nil)}
      :nothing when create? -> create_folder(folder, name, rest, folders)
      :nothing -> {:ok, resolved(Path.join([path | rest]), folders, nil)}
      {:error, reason} -> {:error, "#{name} #{reason}"}
    end
  end

  defp create_folder(folder, name, rest, folders) do
    # A parallel step may have created the entry in the meantime. Look it up again in either case.
    case :file.make_dir(Path.join(folder, name)) do
      outcome when outcome in [:ok, {:error, :eexist}] -> walk(folder, [name | rest], folders, true)
      {:error, reason} -> {:error, "#{name} cannot be created: #{:file.format_error(reason)}"}
    end
  end

  # Some file systems do not distinguish upper and lower case. Accept a name only with the spelling that the folder lists.
  defp check_spelling({:ok, entry}, folder, name) do
    with {:ok, names} <- names(folder),
         true <- name in names do
      {:ok, entry}
    else
      _ -> {:error, "exists with another spelling: use upper and lower case as list shows them"}
    end
  end

  defp check_spelling(nothing_or_error, _, _), do: nothing_or_error

  defp resolved(path, folders, entry), do: %__MODULE__{path: path, folders: folders, entry: entry}

  # In a C locale the VM returns a name as a list of bytes, and in other locales as a list of characters.
  defp bytes(name) when is_binary(name), do: name

  defp bytes(name) do
    case :file.native_name_encoding() do
      :latin1 -> :erlang.list_to_binary(name)
      :utf8 -> :unicode.characters_to_binary(name)
    end
  end

  defp id(%File.Stat{major_device: device, inode: inode}), do: {device, inode}
end
