defmodule Pipeline.Model.Certificates do
  @moduledoc """
  Finds the CA certificates that this machine trusts. Every https call needs them.

  They come from the file that the environment variable SSL_CERT_FILE names. If the variable is not set, they are the operating
  system's.
  """

  alias Pipeline.Error

  @remedy "install the package ca-certificates, or set SSL_CERT_FILE to a file of CA certificates in PEM form"

  @doc """
  Return the certificates in the file, or the operating system's if the file is nil. If there are none, the error says what the
  user can do.

  `load` reads the operating system's certificates.
  """
  @spec trusted(String.t() | nil, (() -> [term()])) :: {:ok, [term()]} | {:error, Error.t()}
  def trusted(file, load \\ &:public_key.cacerts_get/0)

  def trusted(nil, load),
    do: load |> system_certificates() |> check_present("this machine has no CA certificates")

  def trusted(file, _) do
    case File.read(file) do
      {:ok, text} ->
        text |> decode_pem() |> check_present("SSL_CERT_FILE=#{file}: has no certificate in it")

      {:error, reason} ->
        missing_error("SSL_CERT_FILE=#{file}: cannot be read (#{:file.format_error(reason)})")
    end
  end

  # OTP raises errors of several kinds if the operating system's certificates are missing.
  defp system_certificates(load) do
    load.()
  rescue
    _ -> []
  catch
    _, _ -> []
  end

  defp decode_pem(text) do
    for {:Certificate, certificate, :not_encrypted} <- :public_key.pem_decode(text), do: certificate
  rescue
    _ -> []
  end

  defp check_present([_ | _] = certificates, _), do: {:ok, certificates}
  defp check_present([], problem), do: missing_error(problem)

  defp missing_error(problem),
    do: {:error, Error.new(:usage, "#{problem}, so https connections cannot be verified: #{@remedy}")}
end
