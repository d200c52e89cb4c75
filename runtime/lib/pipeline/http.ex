defmodule Pipeline.HTTP do
  @moduledoc """
  JSON over HTTPS. Certificates are verified, redirects are not followed: an address that a key is sent to is one that the
  user named. A reply may have up to 64 MB.

  Each call has a connection of its own: on a shared one, a call would wait for those before it, and a model takes
  seconds to minutes beside which the handshake is nothing.
  """

  alias Pipeline.{Error, JSON, Retry}
  alias Pipeline.HTTP.Exchange

  @type headers :: Exchange.headers()

  # The longest answer of a model has a few hundred thousand bytes.
  @most_bytes 64_000_000
  @most_of_a_reason 500

  @doc "POST `body` as JSON; the decoded reply of a 200. `timeout` is in milliseconds, for the whole call."
  @spec post_json(String.t(), headers(), map(), pos_integer()) :: {:ok, map()} | {:error, Error.t()}
  def post_json(url, headers, body, timeout) do
    with {:ok, uri} <- address(url),
         {:ok, reply} <- exchange(uri, headers, JSON.encode(body), timeout) do
      case reply do
        {200, _, text} -> decode(text, uri)
        {status, answered, text} -> {:error, refused(status, answered, text, uri, headers)}
      end
    end
  end

  defp address(url) do
    case URI.parse(url) do
      %URI{scheme: scheme, host: host} = uri when scheme in ["http", "https"] and host not in [nil, ""] ->
        {:ok, uri}

      _ ->
        {:error, Error.new(:provider_unavailable, "the address of a provider is none: expected https://HOST")}
    end
  end

  defp exchange(uri, headers, body, timeout) do
    case Exchange.post(uri, headers, body, timeout, @most_bytes) do
      {:ok, reply} -> {:ok, reply}
      {:error, reason} -> {:error, lost(reason, uri, timeout)}
    end
  end

  defp lost(:timeout, uri, timeout),
    do: Error.new(:timeout, "#{uri.host}: did not answer within #{timeout} ms", :soon)

  defp lost({:too_large, limit}, uri, _),
    do: Error.new(:provider_unavailable, "#{uri.host}: answered more than #{limit} bytes")

  # A certificate that is refused now is refused in a second too.
  defp lost({:connect, {:tls_alert, {alert, _}}}, uri, _) do
    why = alert |> to_string() |> String.replace("_", " ")

    Error.new(
      :provider_unavailable,
      "#{uri.host}: no secure connection (#{why}): is its certificate one of this host, and trusted here?"
    )
  end

  defp lost({:connect, :timeout}, uri, _), do: unavailable(uri, "cannot be reached (no answer)")

  defp lost({:connect, reason}, uri, _) when is_atom(reason),
    do: unavailable(uri, "cannot be reached (#{:inet.format_error(reason)})")

  defp lost({:connect, _}, uri, _), do: unavailable(uri, "cannot be reached")
  defp lost(:malformed, uri, _), do: unavailable(uri, "answered something that is no HTTP")
  defp lost(_, uri, _), do: unavailable(uri, "the connection was lost")

  defp decode(text, uri) do
    case JSON.decode(text) do
      {:ok, map} when is_map(map) -> {:ok, map}
      _ -> {:error, unavailable(uri, "answered something that is no JSON object")}
    end
  end

  defp refused(status, answered, text, uri, headers) do
    {kind, again} =
      cond do
        status in [401, 403] -> {:authentication, :never}
        status == 429 -> {:rate_limit, after_header(answered)}
        status == 408 -> {:timeout, after_header(answered)}
        status in 400..499 -> {:bad_request, :never}
        # A redirect is not followed, and will be there again.
        status in 300..399 -> {:provider_unavailable, :never}
        true -> {:provider_unavailable, after_header(answered)}
      end

    Error.new(kind, "#{uri.host} answered #{status}: #{said(text, headers)}", again)
  end

  defp after_header(answered) do
    {_, value} = List.keyfind(answered, "retry-after", 0, {nil, ""})
    Retry.asked(value)
  end

  # Both providers put a sentence into error.message. What is cut off before a key is taken out may end in a part of it.
  defp said(text, headers) do
    case JSON.decode(text) do
      {:ok, %{"error" => %{"message" => message}}} when is_binary(message) ->
        message |> scrub(headers) |> String.slice(0, @most_of_a_reason)

      _ ->
        "no reason given"
    end
  end

  defp scrub(text, headers) do
    for {name, value} <- headers, name in ["x-api-key", "x-goog-api-key"], reduce: text do
      text -> String.replace(text, value, "…")
    end
  end

  defp unavailable(uri, what), do: Error.new(:provider_unavailable, "#{uri.host}: #{what}", :soon)
end
