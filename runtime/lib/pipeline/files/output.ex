defmodule Pipeline.Files.Output do
  @moduledoc """
  Writes new files for the user: a file appears whole, or not at all. A file that exists is never replaced.

      :ok = Pipeline.Files.Output.check_writable("out/plan.yaml", "--output")   # before a model is paid
      :ok = Pipeline.Files.Output.write_new("out/plan.yaml", plan)
  """

  alias Pipeline.Error
  alias Pipeline.Files.Temporary
  alias Pipeline.Files.Workspace.Name
  alias Pipeline.System.Signals

  @timestamp ~r/\{\{\s*timestamp\s*\}\}/

  @doc """
  Return the path of a step's `output_to_file` in the output folder.

  The only placeholder is `{{timestamp}}`. It is replaced by the current time in UTC.
  """
  @spec below(Path.t(), Path.t()) :: Path.t()
  def below(folder, file), do: Path.expand(with_timestamp(file), folder)

  @doc """
  Check the name in a step's `output_to_file`. Return the reason if a step may not use it.

  The rules are those for paths in a workspace (`Pipeline.Files.Workspace.Name`). The name `result.json` is reserved.
  """
  @spec check(String.t()) :: :ok | {:error, String.t()}
  def check(file) do
    case file |> with_timestamp() |> Name.split() do
      {:ok, [first | _]} ->
        cond do
          # Some file systems do not distinguish upper and lower case.
          String.downcase(first) == "result.json" ->
            {:error, "the run itself writes result.json: name another file"}

          with_timestamp(file) =~ "{{" ->
            {:error, "{{…}} is not evaluated here, except for {{timestamp}}"}

          true ->
            :ok
        end

      {:error, reason} ->
        {:error, "expected a path below the run's output folder: #{inspect(file)} #{reason}"}
    end
  end

  @doc "Return the time in UTC as it is used in names of files, such as `20260711-093000`."
  @spec timestamp() :: String.t()
  def timestamp, do: Calendar.strftime(DateTime.utc_now(), "%Y%m%d-%H%M%S")

  @doc "Return a name that no other run has: the time and eight random hexadecimal digits."
  @spec fresh_name() :: String.t()
  def fresh_name, do: "#{timestamp()}-#{4 |> :crypto.strong_rand_bytes() |> Base.encode16(case: :lower)}"

  @doc """
  Check before a model is paid that a new file can be written at `path`: no file exists there, and its folder accepts files.
  The folder is created if it is missing.

  `option` is the command-line option with which the user can name another path, for the message of an error.
  """
  @spec check_writable(Path.t(), String.t()) :: :ok | {:error, Error.t()}
  def check_writable(path, option) do
    case File.lstat(path) do
      {:ok, _} -> {:error, Error.new(:usage, "#{path} exists already: name a new one with #{option}")}
      {:error, reason} when reason in [:enoent, :enotdir] -> path |> probe_folder() |> with_path(path)
      {:error, reason} -> with_path({:error, reason}, path)
    end
  end

  defp probe_folder(path) do
    temporary = temporary_beside(path)

    with :ok <- File.mkdir_p(Path.dirname(path)),
         :ok <- File.write(temporary, "", [:exclusive]) do
      File.rm(temporary)
    end
  end

  @doc """
  Write a new file. Return an error if a file with this name exists already.

  The content is written to a temporary file in the same folder and synced to the disk. Then the temporary file is linked to
  its name, because a link never replaces a file that exists. On a file system without hard links, such as exFAT, an empty
  file takes the name first, and the temporary file replaces the empty file.

  `link` makes the hard link. A test can pass a function that fails, as on a file system without hard links.
  """
  @spec write_new(Path.t(), iodata(), (Path.t(), Path.t() -> :ok | {:error, File.posix()})) ::
          :ok | {:error, Error.t()}
  def write_new(path, content, link \\ &File.ln/2),
    do: Signals.uninterrupted(fn -> write(path, content, link) end)

  defp write(path, content, link) do
    temporary = temporary_beside(path)

    Temporary.with_file(temporary, fn ->
      with :ok <- File.mkdir_p(Path.dirname(path)),
           :ok <- write_synced(temporary, content),
           :ok <- take_name(temporary, path, link) do
        sync_folder(Path.dirname(path))
      else
        {:error, :eexist} ->
          {:error, Error.new(:usage, "#{path} exists already: name a new file")}

        {:error, reason} ->
          with_path({:error, reason}, path)
      end
    end)
  end

  defp take_name(temporary, path, link) do
    case link.(temporary, path) do
      {:error, reason} when reason != :eexist ->
        with :ok <- File.write(path, "", [:exclusive]), do: File.rename(temporary, path)

      linked ->
        linked
    end
  end

  # The name is random, because another run may have left a temporary file behind. It does not contain the name of the new file,
  # because it could then be too long for the file system.
  defp temporary_beside(path), do: Path.join(Path.dirname(path), Name.temporary())

  defp with_path({:error, reason}, path),
    do: {:error, Error.new(:write, "#{path}: #{:file.format_error(reason)}")}

  defp with_path(:ok, _), do: :ok

  defp write_synced(path, content) do
    with {:ok, file} <- :file.open(path, [:write, :exclusive, :raw, :binary]) do
      try do
        with :ok <- :file.write(file, content), do: :file.sync(file)
      after
        :file.close(file)
      end
    end
  end

  # The new name is part of the folder, so sync the folder as well. If the folder cannot be opened or synced, the operating
  # system writes it some time later.
  defp sync_folder(folder) do
    with {:ok, descriptor} <- :file.open(folder, [:read, :raw, :directory]) do
      :file.sync(descriptor)
      :file.close(descriptor)
    end

    :ok
  end

  defp with_timestamp(file), do: String.replace(file, @timestamp, timestamp())
end
