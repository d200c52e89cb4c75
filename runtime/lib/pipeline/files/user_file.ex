defmodule Pipeline.Files.UserFile do
  @moduledoc """
  Reads files that users name, up to a limit. Pipes and devices are refused, because reading them may never end.

      iex> Pipeline.Files.UserFile.read("/dev/zero", 1_000)
      {:error, "cannot be read: it is a device, not a file"}
  """

  @doc "Return the bytes of a file, or the reason as words that follow the name of the file."
  @spec read(Path.t(), pos_integer()) :: {:ok, binary()} | {:error, String.t()}
  def read(file, limit) do
    with {:ok, %File.Stat{type: :regular}} <- File.stat(file),
         # The file may grow after its size was read, so limit the read itself.
         {:ok, outcome} <- File.open(file, [:read, :binary, :raw], &:file.read(&1, limit + 1)) do
      check_size(outcome, limit)
    else
      {:ok, %File.Stat{type: type}} -> {:error, "cannot be read: it is a #{type}, not a file"}
      {:error, reason} -> {:error, "cannot be read: #{:file.format_error(reason)}"}
    end
  end

  defp check_size(:eof, _), do: {:ok, ""}
  defp check_size({:error, reason}, _), do: {:error, "cannot be read: #{:file.format_error(reason)}"}

  defp check_size({:ok, bytes}, limit) when byte_size(bytes) > limit,
    do: {:error, "is larger than #{limit} bytes"}

  defp check_size({:ok, bytes}, _), do: {:ok, bytes}
end
