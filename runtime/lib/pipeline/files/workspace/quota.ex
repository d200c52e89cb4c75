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

  @doc "What it adds to write this in the place of that entry; or that there is no room for it."
  @spec check(t(), ResolvedPath.entry(), binary()) :: {:ok, more()} | {:error, String.t()}
  def check(quota, entry, content) do
    {files, bytes} = more = if entry, do: {0, byte_size(content) - entry.size}, else: {1, byte_size(content)}

    cond do
      :counters.get(quota, @files) + files > @most_files ->
        {:error, "would be one of more than #{@most_files} files that this run adds"}

      bytes > 0 and :counters.get(quota, @bytes) + bytes > @most_bytes ->
        {:error, "would make more than #{@most_bytes} bytes that this run adds"}

      true ->
        {:ok, more}
    end
  end

  @spec add(t(), more()) :: :ok
  def add(quota, {files, bytes}) do
    :counters.add(quota, @files, files)
    :counters.add(quota, @bytes, bytes)
  end
end
