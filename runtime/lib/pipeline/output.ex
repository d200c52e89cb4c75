defmodule Pipeline.Output do
  @moduledoc "Writes a file that is new and whole, or not there at all."

  alias Pipeline.Error

  @doc "Where a step's `output_to_file` leads. Its one placeholder is {{timestamp}}, the time of writing in UTC."
  @spec below(Path.t(), Path.t()) :: Path.t()
  def below(folder, file), do: Path.expand(String.replace(file, ~r/\{\{\s*timestamp\s*\}\}/, stamp()), folder)

  @doc "The time, as it stands in names of files."
  @spec stamp() :: String.t()
  def stamp, do: Calendar.strftime(DateTime.utc_now(), "%Y%m%d-%H%M%S")

  @doc "A name that no other run has."
  @spec fresh_name() :: String.t()
  def fresh_name, do: "#{stamp()}-#{4 |> :crypto.strong_rand_bytes() |> Base.encode16(case: :lower)}"

  @doc "Write beside it, sync, link: a link never takes the place of a file that exists."
  @spec write_new(Path.t(), iodata()) :: :ok | {:error, Error.t()}
  def write_new(path, content) do
    temporary = Path.join(Path.dirname(path), ".#{Path.basename(path)}.#{System.pid()}.tmp")

    try do
      with :ok <- File.mkdir_p(Path.dirname(path)),
           :ok <- write_synced(temporary, content),
           :ok <- File.ln(temporary, path) do
        :ok
      else
        {:error, :eexist} ->
          {:error, Error.new(:usage, "#{path} exists already: name a new file with --output")}

        {:error, reason} ->
          {:error, Error.new(:write, "#{path}: #{:file.format_error(reason)}")}
      end
    after
      File.rm(temporary)
    end
  end

  defp write_synced(path, content) do
    with {:ok, file} <- :file.open(path, [:write, :exclusive, :raw, :binary]) do
      try do
        with :ok <- :file.write(file, content), do: :file.sync(file)
      after
        :file.close(file)
      end
    end
  end
end
