defmodule Pipeline.Value.Number do
  @moduledoc """
  Reads a number from a text that a user or a model wrote. Whole numbers stay exact.

      iex> Pipeline.Value.Number.parse("9007199254740993")
      {:ok, 9007199254740993}
      iex> Pipeline.Value.Number.parse("1e999")
      :error
  """

  # Nobody compares longer numbers, and reading them would take long.
  @max_bytes 1_000

  @doc """
  Return the number, or `:error` if the text is not a number, is longer than #{@max_bytes} bytes, or is too large for a
  float.
  """
  @spec parse(String.t()) :: {:ok, number()} | :error
  def parse(text) when byte_size(text) > @max_bytes, do: :error

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
