defmodule Pipeline.Files.Workspace.Quota do
  @moduledoc """
  Limits what a run adds to its workspace: 1,000 files and 100,000,000 bytes. Files that existed before the run do not count.
  """

  alias Pipeline.Files.Workspace.ResolvedPath

  @max_files 1_000
  @max_bytes 100_000_000

  # The indices of the two counters.
  @files 1
  @bytes 2

  @type t :: :counters.counters_ref()
  @type growth :: {files :: 0 | 1, bytes :: integer()}

  @doc "Return the quota of a new run."
  @spec new() :: t()
  def new, do: :counters.new(2, [])

  @doc "Return how much the workspace grows if `content` replaces `entry`, or an error if that is too much."
  @spec check(t(), ResolvedPath.entry(), binary()) :: {:ok, growth()} | {:error, String.t()}
  def check(quota, entry, content) do
    {files, bytes} =
      growth = if entry, do: {0, byte_size(content) - entry.size}, else: {1, byte_size(content)}

    cond do
      :counters.get(quota, @files) + files > @max_files ->
        {:error, "cannot be added: a run may add at most #{@max_files} files to its workspace"}

      bytes > 0 and :counters.get(quota, @bytes) + bytes > @max_bytes ->
        {:error, "cannot be written: a run may add at most #{@max_bytes} bytes to its workspace"}

      true ->
        {:ok, growth}
    end
  end

  @doc "Count what a write has added."
  @spec add(t(), growth()) :: :ok
  def add(quota, {files, bytes}) do
    :counters.add(quota, @files, files)
    :counters.add(quota, @bytes, bytes)
  end
end
