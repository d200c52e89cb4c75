defmodule Pipeline.Serve.Token do
  @moduledoc """
  Reads the token that clients have to send, and compares it.

  The file with the token has to be readable by its owner only. The token itself is not kept in memory, only its hash under a
  random key. A client's token is hashed under the same key, so the time of a comparison reveals nothing about the token.
  """

  import Bitwise

  alias Pipeline.Error
  alias Pipeline.Files.UserFile

  @max_bytes 10_000

  @enforce_keys [:key, :hash]
  @derive {Inspect, only: []}
  defstruct [:key, :hash]

  @type t :: %__MODULE__{key: binary(), hash: binary()}

  @doc "Read the token from a file, without the white space around it."
  @spec read(Path.t()) :: {:ok, t()} | {:error, Error.t()}
  def read(file) do
    with {:ok, %{mode: mode}} when (mode &&& 0o077) == 0 <- File.stat(file),
         {:ok, text} <- UserFile.read(file, @max_bytes),
         token when token != "" <- String.trim(text) do
      {:ok, new(token)}
    else
      {:ok, _} -> usage_error("#{file} can be read by other users: run chmod 600 #{file}")
      {:error, reason} when is_binary(reason) -> usage_error("#{file} #{reason}")
      {:error, reason} -> usage_error("#{file} cannot be read: #{:file.format_error(reason)}")
      "" -> usage_error("#{file} is empty: expected a token")
    end
  end

  @doc "Return a token for comparisons, from its text."
  @spec new(String.t()) :: t()
  def new(token) do
    key = :crypto.strong_rand_bytes(32)
    %__MODULE__{key: key, hash: hash(key, token)}
  end

  @doc "Return true if the text is the token."
  @spec matches?(t(), String.t()) :: boolean()
  def matches?(%__MODULE__{} = token, text), do: hash(token.key, text) == token.hash

  defp hash(key, token), do: :crypto.mac(:hmac, :sha256, key, token)
  defp usage_error(message), do: {:error, Error.new(:usage, message)}
end
