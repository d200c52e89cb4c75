defmodule Pipeline.Model.Certificates do
  @moduledoc """
  Finds the certificates of the authorities that this machine trusts, which every https call needs.

  The file of the environment variable SSL_CERT_FILE is used if that is set, and the operating system's own otherwise.
  """

  alias Pipeline.Error

  @remedy "install the package ca-certificates, or set SSL_CERT_FILE to a file of CA certificates in PEM form"

  @doc """
  Return the certificates, or an error for the user. `load` reads the operating system's certificates.
  """
  @spec trusted(String.t() | nil, (() -> [term()])) :: {:ok, [term()]} | {:error, Error.t()}
  def trusted(file, load \\ &:public_key.cacerts_get/0)
  def trusted(nil, load), do: load |> system() |> checked("this machine has no CA certificates")

  def trusted(file, _) do
    case File.read(file) do
      {:ok, text} ->
        text |> pem() |> checked("SSL_CERT_FILE=#{file}: has no certificate in it")

      {:error, reason} ->
        missing("SSL_CERT_FILE=#{file}: cannot be read (#{:file.format_error(reason)})")
    end
  end

  # OTP raises errors of several kinds if the operating system's certificates are missing.
  defp system(load) do
    load.()
  rescue
    _ -> []
  catch
    _, _ -> []
  end

  defp pem(text) do
    for {:Certificate, certificate, :not_encrypted} <- :public_key.pem_decode(text), do: certificate
  rescue
    _ -> []
  end

  defp checked([_ | _] = certificates, _), do: {:ok, certificates}
  defp checked(_, problem), do: missing(problem)

  defp missing(problem),
    do: {:error, Error.new(:usage, "#{problem}, and https cannot be verified without: #{@remedy}")}
end
