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

  @doc """
  Return the value of a JSON text of a provider or a model, or `:error` if the text is not JSON.

  A byte that is not UTF-8 becomes U+FFFD, and so does half a surrogate pair. Otherwise, one such character would make a whole
  reply useless that is paid for.
  """
  @spec decode_foreign(binary()) :: {:ok, term()} | :error
  def decode_foreign(text), do: text |> valid() |> without_half_pairs() |> decode()

  # An escape in a JSON text. Only half a surrogate pair matches with six bytes: a whole pair has twelve, and any other escape is
  # matched with two.
  @escape ~r/\\u[dD][89abAB][[:xdigit:]]{2}\\u[dD][c-fC-F][[:xdigit:]]{2}|\\u[dD][89a-fA-F][[:xdigit:]]{2}|\\./s

  defp without_half_pairs(text) do
    if text =~ ~r/\\u[dD][89a-fA-F]/,
      do: Regex.replace(@escape, text, &if(byte_size(&1) == 6, do: "\\ufffd", else: &1)),
      else: text
  end

  defp valid(text) do
    if String.valid?(text),
      do: text,
      else: text |> String.chunk(:valid) |> Enum.map_join(&if(String.valid?(&1), do: &1, else: "\uFFFD"))
  end

  @doc "Return the value as JSON text. Bytes that are not UTF-8 are replaced."
  @spec encode(term()) :: String.t()
  def encode(value), do: value |> :jiffy.encode([:force_utf8, :use_nil]) |> IO.iodata_to_binary()
end
