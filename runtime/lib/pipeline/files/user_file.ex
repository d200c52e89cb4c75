defmodule Pipeline.Files.UserFile do
  @moduledoc "Reads files that users name, and no more of them than there is use for: what never ends is no file here."

  @doc "The bytes of a file, or why not, in words that follow its name."
  @spec read(Path.t(), pos_integer()) :: {:ok, binary()} | {:error, String.t()}
  def read(file, limit) do
    with {:ok, %File.Stat{type: :regular}} <- File.stat(file),
         # It may grow meanwhile.
         {:ok, bytes} <- File.open(file, [:read, :binary, :raw], &:file.read(&1, limit + 1)) do
      read_in(bytes, limit)
    else
      # To read a pipe would be to wait for it.
      {:ok, %File.Stat{type: type}} -> {:error, "cannot be read: it is a #{type}, not a file"}
      {:error, reason} -> {:error, "cannot be read: #{:file.format_error(reason)}"}
    end
  end

  defp read_in(:eof, _), do: {:ok, ""}
  defp read_in({:error, reason}, _), do: {:error, "cannot be read: #{:file.format_error(reason)}"}

  defp read_in({:ok, bytes}, limit) when byte_size(bytes) > limit,
    do: {:error, "is larger than #{limit} bytes"}

  defp read_in({:ok, bytes}, _), do: {:ok, bytes}
end
