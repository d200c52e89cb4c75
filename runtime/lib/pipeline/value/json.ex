defmodule Pipeline.Value.JSON do
  @moduledoc "Encodes and decodes JSON with the library jiffy. Objects are maps and `null` is `nil`."

  @doc "Return the value of a JSON text, or `:error` if the text is not JSON."
  @spec decode(String.t()) :: {:ok, term()} | :error
  def decode(text) do
    {:ok, :jiffy.decode(text, [:return_maps, :use_nil])}
  catch
    # Some versions of jiffy throw and others raise.
    _, _ -> :error
  end

  @doc "Return the value as JSON text. Bytes that are not UTF-8 are replaced."
  @spec encode(term()) :: String.t()
  def encode(value), do: value |> :jiffy.encode([:force_utf8, :use_nil]) |> IO.iodata_to_binary()
end
