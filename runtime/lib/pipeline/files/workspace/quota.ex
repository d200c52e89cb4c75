defmodule Pipeline.Files.Workspace.Quota do
  @moduledoc """
  How much a run may add to its workspace: 1,000 files, and 100,000,000 bytes. A workspace that was there before may be of
  any size.
  """

  alias Pipeline.Files.Workspace.ResolvedPath

  @most_files 1_000
  @most_bytes 100_000_000

  @files 1
  @bytes 2

  @type t :: :counters.counters_ref()
  @type more :: {files :: 0 | 1, bytes :: integer()}

  @spec new() :: t()
  def new, do: :counters.new(2, [])

  @doc "What it adds to write this where that is found; or that there is no room for it."
  @spec for_file(t(), ResolvedPath.found(), binary()) :: {:ok, more()} | {:error, String.t()}
  def for_file(room, found, content) do
    {files, bytes} = more = if found, do: {0, byte_size(content) - found.size}, else: {1, byte_size(content)}

    cond do
      :counters.get(room, @files) + files > @most_files ->
        {:error, "would be one of more than #{@most_files} files that this run adds"}

      bytes > 0 and :counters.get(room, @bytes) + bytes > @most_bytes ->
        {:error, "would make more than #{@most_bytes} bytes that this run adds"}

      true ->
        {:ok, more}
    end
  end

  @spec taken(t(), more()) :: :ok
  def taken(room, {files, bytes}) do
    :counters.add(room, @files, files)
    :counters.add(room, @bytes, bytes)
  end
end
