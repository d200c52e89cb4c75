defmodule Pipeline.Model.HTTP do
  @moduledoc """
  JSON over HTTPS with OTP's own client. Certificates are verified, redirects are not followed: an address that a key is
  sent to is one that the user named. A good reply is read up to 64 MB; one that is an error OTP's client reads whole.

  Each call has a connection of its own: on a shared one, a call would wait for those before it, and a model takes
  seconds to minutes beside which the handshake is nothing.
  """

  alias Pipeline.Error
  alias Pipeline.Model.Retry
  alias Pipeline.Value.JSON

  @type headers :: [{String.t(), String.t()}]

  @profile :pipeline
  # The longest answer of a model has a few hundred thousand bytes.
  @most_bytes 64_000_000
  @most_of_a_reason 500

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
    uri = URI.parse(url)

    request =
      {to_charlist(url), charlists([{"connection", "close"} | headers]), ~c"application/json",
       JSON.encode(body)}

    options = [timeout: timeout, connect_timeout: min(timeout, 30_000), autoredirect: false] ++ tls(uri)

    case request(request, options, timeout) do
      {:ok, text} -> decode(text, uri)
      {{_, status, _}, answered, text} -> {:error, refused(status, answered, text, uri, headers)}
      {:error, reason} -> {:error, lost(reason, uri, timeout)}
    end
  end

  # A run that is cancelled ends the process that waits here, of which the client is not told by itself.
  defp request(request, options, timeout) do
    how = [sync: false, stream: {:self, :once}, body_format: :binary]

    with {:ok, id} <- :httpc.request(:post, request, options, how, @profile) do
      caller = self()
      guard = spawn(fn -> guard(Process.monitor(caller), id) end)
      # The client keeps the time itself, unless it is the client that fails.
      answer = answer(id, now() + timeout + 5_000)
      send(guard, if(answer in [{:error, :timeout}, {:error, :too_large}], do: :cancel, else: :done))
      answer
    end
  end

  defp answer(id, deadline, client \\ nil, read \\ [], size \\ 0) do
    receive do
      {:http, {^id, :stream_start, _, client}} ->
        next(id, deadline, client, read, size)

      {:http, {^id, :stream, bytes}} when size + byte_size(bytes) <= @most_bytes ->
        next(id, deadline, client, [read, bytes], size + byte_size(bytes))

      {:http, {^id, :stream, _}} ->
        {:error, :too_large}

      {:http, {^id, :stream_end, _}} ->
        {:ok, IO.iodata_to_binary(read)}

      {:http, {^id, answer}} ->
        answer
    after
      max(deadline - now(), 0) -> {:error, :timeout}
    end
  end

  defp next(id, deadline, client, read, size) do
    :ok = :httpc.stream_next(client)
    answer(id, deadline, client, read, size)
  end

  defp guard(caller, id) do
    receive do
      :done -> :ok
      :cancel -> :httpc.cancel_request(id, @profile)
      {:DOWN, ^caller, :process, _, _} -> :httpc.cancel_request(id, @profile)
    end
  end

  defp lost(:timeout, uri, timeout),
    do: Error.new(:timeout, "#{uri.host}: did not answer within #{timeout} ms", :soon)

  defp lost(:too_large, uri, _),
    do: Error.new(:provider_unavailable, "#{uri.host}: answered more than #{@most_bytes} bytes")

  defp lost({:failed_connect, details}, uri, _) do
    case List.keyfind(details, :inet, 0) || List.keyfind(details, :inet6, 0) do
      # A certificate that is refused now is refused in a second too.
      {_, _, {:tls_alert, {alert, _}}} ->
        why = alert |> to_string() |> String.replace("_", " ")

        Error.new(
          :provider_unavailable,
          "#{uri.host}: no secure connection (#{why}): is its certificate one of this host, and trusted here?"
        )

      {_, _, reason} when is_atom(reason) ->
        unavailable(uri, "cannot be reached (#{:inet.format_error(reason)})")

      _ ->
        unavailable(uri, "cannot be reached")
    end
  end

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
    {_, value} = List.keyfind(answered, ~c"retry-after", 0, {nil, ~c""})
    value |> to_string() |> Retry.asked()
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

  defp tls(%URI{scheme: "https"}) do
    [
      ssl: [
        verify: :verify_peer,
        cacerts: :public_key.cacerts_get(),
        depth: 5,
        # What it would log is in the error.
        log_level: :none,
        customize_hostname_check: [match_fun: :public_key.pkix_verify_hostname_match_fun(:https)]
      ]
    ]
  end

  defp tls(_), do: []

  defp charlists(headers), do: for({name, value} <- headers, do: {to_charlist(name), to_charlist(value)})
  defp now, do: System.monotonic_time(:millisecond)
end
