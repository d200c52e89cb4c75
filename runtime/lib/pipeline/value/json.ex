defmodule Pipeline.Value.JSON do
  @moduledoc "JSON by jiffy: objects are maps, null is nil."

  @spec decode(String.t()) :: {:ok, term()} | :error
  def decode(text) do
    {:ok, :jiffy.decode(text, [:return_maps, :use_nil])}
  catch
    # jiffy throws or raises, depending on its version.
    _, _ -> :error
  end

  @spec encode(term()) :: String.t()
  def encode(value), do: value |> :jiffy.encode([:force_utf8, :use_nil]) |> IO.iodata_to_binary()
end
