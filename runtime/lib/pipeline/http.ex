defmodule Pipeline.HTTP do
  @moduledoc """
  JSON over HTTPS with OTP's own client. Certificates are verified, redirects are not followed: an address that a key is
  sent to is one that the user named.
  """

  alias Pipeline.Error

  @type headers :: [{String.t(), String.t()}]

  @doc "POST `body` as JSON; the decoded reply of a 200. `timeout` is in milliseconds, for the whole call."
  @spec post_json(String.t(), headers(), map(), pos_integer()) :: {:ok, map()} | {:error, Error.t()}
  def post_json(url, headers, body, timeout) do
    request = {to_charlist(url), charlists(headers), 'application/json', :jiffy.encode(body, [:force_utf8])}
    options = [timeout: timeout, connect_timeout: min(timeout, 30_000), autoredirect: false] ++ tls(url)

    case :httpc.request(:post, request, options, body_format: :binary) do
      {:ok, {{_, 200, _}, _, reply}} -> decode(reply, url)
      {:ok, {{_, status, _}, _, reply}} -> {:error, refused(status, reply, url, headers)}
      {:error, :timeout} -> {:error, Error.new(:timeout, "#{host(url)} did not answer within #{timeout} ms")}
      {:error, reason} -> {:error, Error.new(:provider_unavailable, "#{host(url)}: #{connection(reason)}")}
    end
  end

  defp decode(reply, url) do
    case :jiffy.decode(reply, [:return_maps, :use_nil]) do
      map when is_map(map) -> {:ok, map}
      _ -> {:error, malformed(url)}
    end
  catch
    # jiffy throws or raises, depending on its version.
    _, _ -> {:error, malformed(url)}
  end

  defp malformed(url),
    do: Error.new(:provider_unavailable, "#{host(url)} answered something that is no JSON object")

  defp refused(status, reply, url, headers) do
    kind =
      cond do
        status in [401, 403] -> :authentication
        status == 429 -> :rate_limit
        status == 408 -> :timeout
        status in 400..499 -> :bad_request
        true -> :provider_unavailable
      end

    Error.new(kind, "#{host(url)} answered #{status}: #{scrub(said(reply), headers)}")
  end

  # Both providers put a sentence into error.message.
  defp said(reply) do
    case :jiffy.decode(reply, [:return_maps]) do
      %{"error" => %{"message" => message}} when is_binary(message) -> String.slice(message, 0, 500)
      _ -> "no reason given"
    end
  catch
    _, _ -> "no reason given"
  end

  defp scrub(text, headers) do
    for {name, value} <- headers, name in ["x-api-key", "x-goog-api-key"], reduce: text do
      text -> String.replace(text, value, "…")
    end
  end

  defp connection({:failed_connect, details}) do
    case List.keyfind(details, :inet, 0) || List.keyfind(details, :inet6, 0) do
      {_, _, reason} -> "cannot connect (#{inspect(reason)})"
      nil -> "cannot connect"
    end
  end

  defp connection(_), do: "the connection was lost"

  defp tls("https:" <> _) do
    [
      ssl: [
        verify: :verify_peer,
        cacerts: :public_key.cacerts_get(),
        depth: 5,
        customize_hostname_check: [match_fun: :public_key.pkix_verify_hostname_match_fun(:https)]
      ]
    ]
  end

  defp tls(_), do: []

  defp host(url), do: URI.parse(url).host
  defp charlists(headers), do: for({name, value} <- headers, do: {to_charlist(name), to_charlist(value)})
end
