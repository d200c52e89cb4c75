defmodule Pipeline.Serve.Token do
  @moduledoc """
  The token that a client has to bear, from a file that only its owner can read. It is compared in constant time: both
  sides are hashed under a key made at the start, so that the time of a comparison tells nothing about the token, which
  itself is not kept.
  """

  import Bitwise

  alias Pipeline.Error
  alias Pipeline.Files.UserFile

  @longest 10_000

  @enforce_keys [:key, :hash]
  @derive {Inspect, only: []}
  defstruct [:key, :hash]

  @type t :: %__MODULE__{key: binary(), hash: binary()}

  @doc "Read it from the file; white space around it does not count."
  @spec read(Path.t()) :: {:ok, t()} | {:error, Error.t()}
  def read(file) do
    with {:ok, %{mode: mode}} when (mode &&& 0o077) == 0 <- File.stat(file),
         {:ok, text} <- UserFile.read(file, @longest),
         token when token != "" <- String.trim(text) do
      {:ok, new(token)}
    else
      {:ok, _} -> usage("#{file} can be read by others: chmod 600 #{file}")
      {:error, reason} when is_binary(reason) -> usage("#{file} #{reason}")
      {:error, reason} -> usage("#{file} cannot be read: #{:file.format_error(reason)}")
      "" -> usage("#{file} is empty: expected a token in it")
    end
  end

  @spec new(String.t()) :: t()
  def new(token) do
    key = :crypto.strong_rand_bytes(32)
    %__MODULE__{key: key, hash: hash(key, token)}
  end

  @spec matches?(t(), String.t()) :: boolean()
  def matches?(%__MODULE__{} = token, given), do: hash(token.key, given) == token.hash

  defp hash(key, token), do: :crypto.mac(:hmac, :sha256, key, token)
  defp usage(message), do: {:error, Error.new(:usage, message)}
end
