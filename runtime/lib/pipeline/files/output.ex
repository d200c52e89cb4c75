defmodule Pipeline.Files.Output do
  @moduledoc "Writes a file that is new and whole, or not there at all."

  alias Pipeline.Error
  alias Pipeline.Files.Temporary
  alias Pipeline.Files.Workspace.Name
  alias Pipeline.System.Signals

  @timestamp ~r/\{\{\s*timestamp\s*\}\}/

  @doc "Where a step's `output_to_file` leads. Its one placeholder is {{timestamp}}, the time of writing in UTC."
  @spec below(Path.t(), Path.t()) :: Path.t()
  def below(folder, file), do: Path.expand(stamped(file), folder)

  @doc "Whether a step may name its file so; the reason if not. It is a name as of a workspace, and not the run's own."
  @spec check(String.t()) :: :ok | {:error, String.t()}
  def check(file) do
    case file |> stamped() |> Name.split() do
      {:ok, [first | _]} ->
        cond do
          # Some file systems take upper and lower case for the same.
          String.downcase(first) == "result.json" ->
            {:error, "result.json is the run's own: name another file"}

          stamped(file) =~ "{{" ->
            {:error, "{{…}} is not evaluated here, but for {{timestamp}}"}

          true ->
            :ok
        end

      {:error, reason} ->
        {:error, "expected a path below the run's output folder: #{inspect(file)} #{reason}"}
    end
  end

  @doc "The time, as it stands in names of files."
  @spec stamp() :: String.t()
  def stamp, do: Calendar.strftime(DateTime.utc_now(), "%Y%m%d-%H%M%S")

  @doc "A name that no other run has."
  @spec fresh_name() :: String.t()
  def fresh_name, do: "#{stamp()}-#{4 |> :crypto.strong_rand_bytes() |> Base.encode16(case: :lower)}"

  @doc """
  Whether a new file can be written there, asked before a model is paid: nothing stands there, and its folder, which is made
  for it, takes files. `option` is the one that names another.
  """
  @spec check_writable(Path.t(), String.t()) :: :ok | {:error, Error.t()}
  def check_writable(path, option) do
    case File.lstat(path) do
      {:ok, _} -> {:error, Error.new(:usage, "#{path} exists already: name a new one with #{option}")}
      {:error, reason} when reason in [:enoent, :enotdir] -> path |> probe() |> said(path)
      {:error, reason} -> said({:error, reason}, path)
    end
  end

  defp probe(path) do
    temporary = beside(path)

    with :ok <- File.mkdir_p(Path.dirname(path)),
         :ok <- File.write(temporary, "", [:exclusive]) do
      File.rm(temporary)
    end
  end

  @doc "Write beside it, sync, link: a link never takes the place of a file that exists."
  @spec write_new(Path.t(), iodata()) :: :ok | {:error, Error.t()}
  def write_new(path, content), do: Signals.uninterrupted(fn -> write(path, content) end)

  defp write(path, content) do
    temporary = beside(path)

    Temporary.with_file(temporary, fn ->
      with :ok <- File.mkdir_p(Path.dirname(path)),
           :ok <- write_synced(temporary, content),
           :ok <- File.ln(temporary, path) do
        sync_folder(Path.dirname(path))
      else
        {:error, :eexist} ->
          {:error, Error.new(:usage, "#{path} exists already: name a new file with --output")}

        {:error, reason} ->
          said({:error, reason}, path)
      end
    end)
  end

  # Short and drawn at random: none is in the way that another run left, and none is too long for its folder.
  defp beside(path), do: Path.join(Path.dirname(path), Name.temporary())

  defp said({:error, reason}, path),
    do: {:error, Error.new(:write, "#{path}: #{:file.format_error(reason)}")}

  defp said(:ok, _), do: :ok

  defp write_synced(path, content) do
    with {:ok, file} <- :file.open(path, [:write, :exclusive, :raw, :binary]) do
      try do
        with :ok <- :file.write(file, content), do: :file.sync(file)
      after
        :file.close(file)
      end
    end
  end

  # Its new name is in the folder. Where a folder cannot be opened, or synced, the system does it in its own time.
  defp sync_folder(folder) do
    with {:ok, opened} <- :file.open(folder, [:read, :raw, :directory]) do
      :file.sync(opened)
      :file.close(opened)
    end

    :ok
  end

  defp stamped(file), do: String.replace(file, @timestamp, stamp())
end
