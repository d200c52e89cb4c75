defmodule Pipeline.Value.Number do
  @moduledoc "A number in a text, whoever wrote it: whole ones stay exact, and what is too large for a float is none."

  # What is longer is no number that anybody compares, and takes its time to be read.
  @longest 1_000

  @spec parse(String.t()) :: {:ok, number()} | :error
  def parse(text) when byte_size(text) > @longest, do: :error

  def parse(text) do
    case Integer.parse(text) do
      {number, ""} -> {:ok, number}
      _ -> float(text)
    end
  end

  defp float(text) do
    case Float.parse(text) do
      {number, ""} -> {:ok, number}
      _ -> :error
    end
  rescue
    ArgumentError -> :error
  end
end
