defmodule Pipeline.HTTP do
  @moduledoc """
  JSON over HTTPS with OTP's own client. Certificates are verified, redirects are not followed: an address that a key is
  sent to is one that the user named.

  Each call has a connection of its own: on a shared one, a call would wait for those before it, and a model takes
  seconds to minutes beside which the handshake is nothing.
  """

  alias Pipeline.{Error, JSON, Retry}

  @type headers :: [{String.t(), String.t()}]

  @profile :pipeline

  @doc "Start the client that all calls share, apart from the default one that others may have set up otherwise."
  @spec start() :: :ok
  def start do
    case :inets.start(:httpc, profile: @profile) do
      {:ok, _} -> :ok
      {:error, {:already_started, _}} -> :ok
    end

    :ok = :httpc.set_options([cookies: :disabled], @profile)
  end

  @doc "POST `body` as JSON; the decoded reply of a 200. `timeout` is in milliseconds, for the whole call."
  @spec post_json(String.t(), headers(), map(), pos_integer()) :: {:ok, map()} | {:error, Error.t()}
  def post_json(url, headers, body, timeout) do
    request =
      {to_charlist(url), charlists([{"connection", "close"} | headers]), ~c"application/json",
       JSON.encode(body)}

    options = [timeout: timeout, connect_timeout: min(timeout, 30_000), autoredirect: false] ++ tls(url)

    case request(request, options, timeout) do
      {{_, 200, _}, _, reply} -> decode(reply, url)
      {{_, status, _}, answered, reply} -> {:error, refused(status, answered, reply, url, headers)}
      {:error, :timeout} -> {:error, unavailable(:timeout, url, "did not answer within #{timeout} ms")}
      {:error, reason} -> {:error, unavailable(:provider_unavailable, url, connection(reason))}
    end
  end

  # A run that is cancelled ends the process that waits here, of which the client is not told by itself.
  defp request(request, options, timeout) do
    with {:ok, id} <- :httpc.request(:post, request, options, [sync: false, body_format: :binary], @profile) do
      caller = self()
      guard = spawn(fn -> guard(Process.monitor(caller), id) end)

      receive do
        {:http, {^id, answer}} ->
          send(guard, :done)
          answer
      after
        # The client keeps the time itself, unless it is the client that fails.
        timeout + 5_000 ->
          send(guard, :cancel)
          {:error, :timeout}
      end
    end
  end

  defp guard(caller, id) do
    receive do
      :done -> :ok
      :cancel -> :httpc.cancel_request(id, @profile)
      {:DOWN, ^caller, :process, _, _} -> :httpc.cancel_request(id, @profile)
    end
  end

  defp decode(reply, url) do
    case JSON.decode(reply) do
      {:ok, map} when is_map(map) -> {:ok, map}
      _ -> {:error, unavailable(:provider_unavailable, url, "answered something that is no JSON object")}
    end
  end

  defp refused(status, answered, reply, url, headers) do
    {kind, again} =
      cond do
        status in [401, 403] -> {:authentication, :never}
        status == 429 -> {:rate_limit, after_header(answered)}
        status == 408 -> {:timeout, after_header(answered)}
        status in 400..499 -> {:bad_request, :never}
        true -> {:provider_unavailable, after_header(answered)}
      end

    Error.new(kind, "#{host(url)} answered #{status}: #{scrub(said(reply), headers)}", again)
  end

  defp after_header(answered) do
    {_, value} = List.keyfind(answered, ~c"retry-after", 0, {nil, ~c""})
    value |> to_string() |> Retry.asked()
  end

  # Both providers put a sentence into error.message.
  defp said(reply) do
    case JSON.decode(reply) do
      {:ok, %{"error" => %{"message" => message}}} when is_binary(message) -> String.slice(message, 0, 500)
      _ -> "no reason given"
    end
  end

  defp scrub(text, headers) do
    for {name, value} <- headers, name in ["x-api-key", "x-goog-api-key"], reduce: text do
      text -> String.replace(text, value, "…")
    end
  end

  defp connection({:failed_connect, details}) do
    case List.keyfind(details, :inet, 0) || List.keyfind(details, :inet6, 0) do
      {_, _, reason} -> "cannot be reached (#{inspect(reason)})"
      nil -> "cannot be reached"
    end
  end

  defp connection(_), do: "the connection was lost"

  defp unavailable(kind, url, what), do: Error.new(kind, "#{host(url)}: #{what}", :soon)

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
