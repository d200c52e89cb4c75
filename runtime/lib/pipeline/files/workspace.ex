defmodule Pipeline.Files.Workspace do
  @moduledoc """
  A run's own folder, and the only one that its file tools reach: no path leaves it.

  A path is relative, with `/` between its names (`Pipeline.Files.Workspace.Name`). No link is followed, wherever it
  stands on the way, and a file with a second name is left alone, as that may stand outside
  (`Pipeline.Files.Workspace.ResolvedPath`). Files are UTF-8, of up to 2,000,000 bytes, and a run may add so many
  (`Pipeline.Files.Workspace.Quota`). A write takes a file's place at once and whole. The reasons for a refusal are
  sentences for a person, or for a model.

  OTP opens files by their path alone (there is no `openat`, no `O_NOFOLLOW`). So the way is looked at before a file is
  opened and several times after it, and has to lead to the very file that was opened. These tools make neither links nor
  pipes, so no step can set a trap for another with them. What remains is a program of another kind that swaps a folder of
  the workspace for a link between two system calls: it can catch a write. Such a program, the `claude` program's own tools
  for one, runs as the same user, and could write there without our help.
  """

  alias Pipeline.Error
  alias Pipeline.Files.Temporary
  alias Pipeline.Files.Workspace.{Listing, Name, Quota, ResolvedPath}
  alias Pipeline.System.Signals

  @most_bytes 2_000_000
  # One look may be deceived by who swaps a folder for a link and back; so many at changing times are not.
  @looks 8
  # Places of an edit's text are counted up to here.
  @most_places 100

  @enforce_keys [:root, :quota]
  defstruct [:root, :quota]

  @type t :: %__MODULE__{root: Path.t(), quota: Quota.t()}
  @type reason :: String.t()

  @doc "The folder, made if it is missing."
  @spec open(Path.t()) :: {:ok, t()} | {:error, Error.t()}
  def open(root) do
    case File.mkdir_p(root) do
      :ok -> {:ok, %__MODULE__{root: Path.expand(root), quota: Quota.new()}}
      {:error, reason} -> {:error, Error.new(:write, "#{root}: #{:file.format_error(reason)}")}
    end
  end

  @doc "The text of a file."
  @spec read(t(), String.t()) :: {:ok, String.t()} | {:error, reason()}
  def read(%__MODULE__{} = workspace, path) do
    with {:ok, names} <- Name.split(path),
         {:ok, text} <- content(workspace, names) do
      {:ok, text}
    else
      {:error, reason} -> refused(path, reason)
    end
  end

  @doc "Write a file, new or in the place of the one that is there, and the folders on its way."
  @spec write(t(), String.t(), String.t()) :: :ok | {:error, reason()}
  def write(%__MODULE__{} = workspace, path, content) do
    with {:ok, names} <- Name.split(path),
         :ok <- writable(content),
         :ok <- alone(workspace, fn -> replace(workspace, names, content) end) do
      :ok
    else
      {:error, reason} -> refused(path, reason)
    end
  end

  @doc "Put `new` in the place of `old`, which has to stand in the file exactly once."
  @spec edit(t(), String.t(), String.t(), String.t()) :: :ok | {:error, reason()}
  def edit(%__MODULE__{} = workspace, path, old, new) do
    with {:ok, names} <- Name.split(path),
         :ok <- alone(workspace, fn -> exchange(workspace, names, old, new) end) do
      :ok
    else
      {:error, reason} -> refused(path, reason)
    end
  end

  @doc """
  The paths of all files in a folder and below it, in order; `.` is the workspace itself. What cannot be read for what it
  is (a link, a pipe) or for its name is left out.
  """
  @spec list(t(), String.t()) :: {:ok, [String.t()]} | {:error, reason()}
  def list(%__MODULE__{} = workspace, path) do
    with {:ok, names} <- if(path == ".", do: {:ok, []}, else: Name.split(path)),
         {:ok, files} <- Listing.files(workspace.root, names) do
      {:ok, files}
    else
      {:error, reason} -> refused(path, reason)
    end
  end

  defp refused(path, reason),
    do: {:error, "#{inspect(path, limit: 50, printable_limit: 200)}: #{reason}"}

  defp content(%{root: root}, names) do
    with {:ok, resolved} <- ResolvedPath.resolve(root, names),
         :ok <- regular(resolved),
         {:ok, bytes} <- opened(resolved, fn file -> same(file, root, names, resolved) end) do
      cond do
        byte_size(bytes) > @most_bytes -> {:error, "has more than #{@most_bytes} bytes"}
        not String.valid?(bytes) -> {:error, "is not UTF-8"}
        true -> {:ok, bytes}
      end
    end
  end

  defp regular(%ResolvedPath{entry: nil}), do: {:error, "there is no such file"}
  defp regular(%ResolvedPath{entry: %{type: :directory}}), do: {:error, "is a folder"}
  defp regular(%ResolvedPath{}), do: :ok

  defp opened(resolved, check) do
    with {:ok, file} <- said(:file.open(resolved.path, [:read, :raw, :binary])) do
      try do
        with :ok <- check.(file) do
          case :file.read(file, @most_bytes + 1) do
            {:ok, bytes} -> {:ok, bytes}
            :eof -> {:ok, ""}
            {:error, reason} -> said({:error, reason})
          end
        end
      after
        :file.close(file)
      end
    end
  end

  defp same(file, root, names, resolved) do
    if ResolvedPath.identity(file) == {:ok, resolved.entry.id} and
         Enum.all?(1..@looks, fn _ -> ResolvedPath.unchanged?(resolved, root, names) end),
       do: :ok,
       else: {:error, "was changed in this moment by somebody else"}
  end

  defp writable(content) do
    cond do
      not is_binary(content) or not String.valid?(content) -> {:error, "the content is no UTF-8 text"}
      byte_size(content) > @most_bytes -> {:error, "the content has more than #{@most_bytes} bytes"}
      true -> :ok
    end
  end

  # One writer at a time, or an edit would undo what was written between its look and its write.
  defp alone(%{root: root} = workspace, write) do
    lock = {{__MODULE__, root}, self()}

    if :global.set_lock(lock, [node()], 0) do
      try do
        Signals.uninterrupted(write)
      after
        :global.del_lock(lock, [node()])
      end
    else
      Process.sleep(1)
      alone(workspace, write)
    end
  end

  defp exchange(workspace, names, old, new) do
    with :ok <- distinct(old, new),
         {:ok, text} <- content(workspace, names),
         {:ok, at} <- only_place(text, old),
         <<before::binary-size(at), _::binary-size(byte_size(old)), rest::binary>> = text,
         changed = before <> new <> rest,
         :ok <- writable(changed) do
      replace(workspace, names, changed)
    end
  end

  defp distinct(old, new) when not (is_binary(old) and is_binary(new)),
    do: {:error, "the old and the new text have to be texts"}

  defp distinct("", _), do: {:error, "the old text is empty: it has to stand in the file exactly once"}
  defp distinct(same, same), do: {:error, "the old and the new text are the same"}
  defp distinct(_, _), do: :ok

  defp only_place(text, old) do
    case places(text, old, 0, []) do
      [at] -> {:ok, at}
      [] -> {:error, "the old text does not stand in it; nothing was changed"}
      many -> {:error, "the old text stands in it #{count(many)} times, not once; nothing was changed"}
    end
  end

  defp count(places) when length(places) < @most_places, do: length(places)
  defp count(_), do: "#{@most_places} or more"

  # Places may overlap: "aa" stands in "aaa" twice.
  defp places(_, _, _, found) when length(found) == @most_places, do: found

  defp places(text, old, from, found) do
    case :binary.match(text, old, scope: {from, byte_size(text) - from}) do
      {at, _} -> places(text, old, at + 1, [at | found])
      :nomatch -> found
    end
  end

  defp replace(%{root: root, quota: quota}, names, content) do
    temporary = Path.join(root, Name.temporary())

    Temporary.with_file(temporary, fn ->
      with {:ok, before} <- ResolvedPath.resolve(root, names),
           :ok <- replaceable(before),
           {:ok, more} <- Quota.check(quota, before.entry, content),
           {:ok, id} <- said(write_synced(temporary, content, before.entry)),
           {:ok, resolved} <- ResolvedPath.resolve(root, names, make: true),
           :ok <- replaceable(resolved),
           :ok <- said(:file.rename(temporary, resolved.path)),
           :ok <- arrived(ResolvedPath.resolve(root, names), resolved, id) do
        Quota.add(quota, more)
      end
    end)
  end

  defp replaceable(%ResolvedPath{entry: %{type: :directory}}), do: {:error, "is a folder"}
  defp replaceable(%ResolvedPath{}), do: :ok

  # A file in whose place another comes keeps its mode.
  defp write_synced(path, content, former) do
    with {:ok, file} <- :file.open(path, [:write, :exclusive, :raw, :binary]) do
      try do
        with :ok <- :file.write(file, content),
             :ok <- if(former, do: File.chmod(path, Bitwise.band(former.mode, 0o777)), else: :ok),
             :ok <- :file.sync(file) do
          ResolvedPath.identity(file)
        end
      after
        :file.close(file)
      end
    end
  end

  defp arrived({:ok, %ResolvedPath{entry: %{id: id}, folders: folders}}, %ResolvedPath{folders: folders}, id),
    do: :ok

  defp arrived(_, _, _), do: {:error, "was changed in this moment by somebody else"}

  defp said({:error, reason}), do: {:error, to_string(:file.format_error(reason))}
  defp said(done), do: done
end
