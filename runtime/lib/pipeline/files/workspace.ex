defmodule Pipeline.Files.Workspace do
  @moduledoc """
  Reads, writes, edits and lists the files of a run's workspace. No path leads out of this folder.

      {:ok, workspace} = Pipeline.Files.Workspace.open("workspaces/first")
      :ok = Pipeline.Files.Workspace.write(workspace, "notes/plan.md", "one two")
      :ok = Pipeline.Files.Workspace.edit(workspace, "notes/plan.md", "two", "three")
      {:ok, "one three"} = Pipeline.Files.Workspace.read(workspace, "notes/plan.md")
      {:error, reason} = Pipeline.Files.Workspace.read(workspace, "../secret")

  ## Rules

    * A path is relative and has `/` between its names (`Pipeline.Files.Workspace.Name`).
    * No link on the way to a file is followed. A file with a hard link is refused, because its second name may be outside
      of the workspace (`Pipeline.Files.Workspace.ResolvedPath`).
    * Files are UTF-8 and have at most 2,000,000 bytes.
    * A run may add a limited number of files and bytes (`Pipeline.Files.Workspace.Quota`).
    * A write replaces the whole file at once.

  The reason for a refusal is a sentence that a person or a model can read.

  ## Races

  OTP opens files by path only: it has neither `openat` nor `O_NOFOLLOW`. Therefore the path is resolved before a file is
  opened and several times afterwards, and it has to lead to the same file each time. These functions create neither links
  nor pipes, so no step can use them to trap another step.

  So `read/2` and `list/2` return nothing from outside of the workspace. `write/3` and `edit/4` can be deceived: another program
  may replace a folder of the workspace by a link between the last check and the system call that creates a folder or renames
  the file. Then the new folder or the file ends up outside, and the function returns an error. Such a program, for example a
  tool of the `claude` program, runs as the same user. It could write to the other place itself.
  """

  alias Pipeline.Error
  alias Pipeline.Files.Temporary
  alias Pipeline.Files.Workspace.{Listing, Name, Quota, Replacement, ResolvedPath}
  alias Pipeline.System.Signals

  @max_bytes 2_000_000
  # A program that replaces a folder by a link and back again can deceive one check, but not this number of checks.
  @checks 8

  @enforce_keys [:root, :quota]
  defstruct [:root, :quota]

  @type t :: %__MODULE__{root: Path.t(), quota: Quota.t()}
  @type reason :: String.t()

  @doc "Open the workspace in the folder `root`. Create the folder if it is missing."
  @spec open(Path.t()) :: {:ok, t()} | {:error, Error.t()}
  def open(root) do
    case File.mkdir_p(root) do
      :ok -> {:ok, %__MODULE__{root: Path.expand(root), quota: Quota.new()}}
      {:error, reason} -> {:error, Error.new(:write, "#{root}: #{:file.format_error(reason)}")}
    end
  end

  @doc "Return the text of a file."
  @spec read(t(), String.t()) :: {:ok, String.t()} | {:error, reason()}
  def read(%__MODULE__{} = workspace, path) do
    with {:ok, names} <- Name.split(path),
         {:ok, text} <- read_file(workspace, names) do
      {:ok, text}
    else
      {:error, reason} -> refuse(path, reason)
    end
  end

  @doc "Write a file. Replace the file if it exists, and create the folders that are missing."
  @spec write(t(), String.t(), String.t()) :: :ok | {:error, reason()}
  def write(%__MODULE__{} = workspace, path, content) do
    with {:ok, names} <- Name.split(path),
         :ok <- check_content(content),
         :ok <- with_lock(workspace, fn -> write_file(workspace, names, content) end) do
      :ok
    else
      {:error, reason} -> refuse(path, reason)
    end
  end

  @doc "Replace the text `old` by `new`. The file has to contain `old` exactly once."
  @spec edit(t(), String.t(), String.t(), String.t()) :: :ok | {:error, reason()}
  def edit(%__MODULE__{} = workspace, path, old, new) do
    with {:ok, names} <- Name.split(path),
         :ok <- with_lock(workspace, fn -> edit_file(workspace, names, old, new) end) do
      :ok
    else
      {:error, reason} -> refuse(path, reason)
    end
  end

  @doc """
  Return the sorted paths of all files in a folder and below it. The path `.` is the workspace itself.

  Entries that `read/2` would refuse because of their type or name, such as links and pipes, are left out.
  """
  @spec list(t(), String.t()) :: {:ok, [String.t()]} | {:error, reason()}
  def list(%__MODULE__{} = workspace, path) do
    with {:ok, names} <- if(path == ".", do: {:ok, []}, else: Name.split(path)),
         {:ok, files} <- Listing.files(workspace.root, names) do
      {:ok, files}
    else
      {:error, reason} -> refuse(path, reason)
    end
  end

  defp refuse(path, reason),
    do: {:error, "#{inspect(path, limit: 50, printable_limit: 200)}: #{reason}"}

  defp read_file(%{root: root}, names) do
    with {:ok, resolved} <- ResolvedPath.resolve(root, names),
         :ok <- check_regular(resolved),
         {:ok, bytes} <- read_checked(resolved, fn file -> check_same(file, root, names, resolved) end) do
      cond do
        byte_size(bytes) > @max_bytes -> {:error, "has more than #{@max_bytes} bytes"}
        not String.valid?(bytes) -> {:error, "is not UTF-8"}
        true -> {:ok, bytes}
      end
    end
  end

  defp check_regular(%ResolvedPath{entry: nil}), do: {:error, "there is no such file"}
  defp check_regular(%ResolvedPath{entry: %{type: :directory}}), do: {:error, "is a folder"}
  defp check_regular(%ResolvedPath{}), do: :ok

  defp read_checked(resolved, check) do
    with {:ok, file} <- with_reason(:file.open(resolved.path, [:read, :raw, :binary])) do
      try do
        with :ok <- check.(file) do
          case :file.read(file, @max_bytes + 1) do
            {:ok, bytes} -> {:ok, bytes}
            :eof -> {:ok, ""}
            {:error, reason} -> with_reason({:error, reason})
          end
        end
      after
        :file.close(file)
      end
    end
  end

  defp check_same(file, root, names, resolved) do
    if ResolvedPath.identity(file) == {:ok, resolved.entry.id} and
         Enum.all?(1..@checks, fn _ -> ResolvedPath.unchanged?(resolved, root, names) end),
       do: :ok,
       else: {:error, "was changed by another program at the same time"}
  end

  defp check_content(content) do
    cond do
      not is_binary(content) or not String.valid?(content) -> {:error, "the content is not UTF-8 text"}
      byte_size(content) > @max_bytes -> {:error, "the content has more than #{@max_bytes} bytes"}
      true -> :ok
    end
  end

  # Allow one writer at a time. Otherwise an edit could undo a write that happens between its read and its write.
  defp with_lock(%{root: root} = workspace, write) do
    lock = {{__MODULE__, root}, self()}

    if :global.set_lock(lock, [node()], 0) do
      try do
        Signals.uninterrupted(write)
      after
        :global.del_lock(lock, [node()])
      end
    else
      Process.sleep(1)
      with_lock(workspace, write)
    end
  end

  defp edit_file(workspace, names, old, new) do
    with :ok <- Replacement.check(old, new),
         {:ok, text} <- read_file(workspace, names),
         {:ok, new_content} <- Replacement.replace(text, old, new),
         :ok <- check_content(new_content) do
      write_file(workspace, names, new_content)
    end
  end

  # Write the content to a temporary file in the root. Then create the missing folders and rename the file to its place.
  defp write_file(%{root: root, quota: quota}, names, content) do
    temporary = Path.join(root, Name.temporary())

    Temporary.with_file(temporary, fn ->
      with {:ok, before} <- ResolvedPath.resolve(root, names),
           :ok <- check_no_folder(before),
           {:ok, growth} <- Quota.check(quota, before.entry, content),
           {:ok, id} <- with_reason(write_synced(temporary, content, before.entry)),
           {:ok, resolved} <- ResolvedPath.resolve(root, names, create: true),
           :ok <- check_no_folder(resolved),
           :ok <- with_reason(:file.rename(temporary, resolved.path)),
           :ok <- check_renamed(ResolvedPath.resolve(root, names), resolved, id) do
        Quota.add(quota, growth)
      end
    end)
  end

  defp check_no_folder(%ResolvedPath{entry: %{type: :directory}}), do: {:error, "is a folder"}
  defp check_no_folder(%ResolvedPath{}), do: :ok

  # Return the identity of the new file. The file gets the mode of the file that it replaces.
  defp write_synced(path, content, replaced) do
    with {:ok, file} <- :file.open(path, [:write, :exclusive, :raw, :binary]) do
      try do
        with :ok <- :file.write(file, content),
             :ok <- if(replaced, do: File.chmod(path, Bitwise.band(replaced.mode, 0o777)), else: :ok),
             :ok <- :file.sync(file) do
          ResolvedPath.identity(file)
        end
      after
        :file.close(file)
      end
    end
  end

  defp check_renamed(
         {:ok, %ResolvedPath{entry: %{id: id}, folders: folders}},
         %ResolvedPath{folders: folders},
         id
       ),
       do: :ok

  defp check_renamed(_, _, _), do: {:error, "was changed by another program at the same time"}

  defp with_reason({:error, reason}), do: {:error, to_string(:file.format_error(reason))}
  defp with_reason(outcome), do: outcome
end
