defmodule Pipeline.Model.HTTP do
  @moduledoc """
  Sends JSON over HTTP and HTTPS with OTP's own client. The client verifies certificates. It does not follow redirects: a key
  goes only to an address that the user named. A reply with status 200 may have at most 64 MB. The reply of an error has no
  limit, because OTP's client reads it whole.

  Each call has one deadline, from the connection to the last byte of the reply.

  A call goes through the proxy that the environment names for its address (`Pipeline.Model.Proxy`).

  Each call has a connection of its own. On a shared connection, a call would wait for earlier calls. The time of a handshake
  does not matter, because a model takes seconds to minutes.
  """

  alias Pipeline.Error
  alias Pipeline.Model.{Certificates, HTTPFailure, Proxy}
  alias Pipeline.Value.JSON

  @type headers :: [{String.t(), String.t()}]
  @typedoc "`ca_file` has the certificates that are trusted instead of the operating system's."
  @type options :: [ca_file: Path.t() | nil]

  @profile :pipeline
  # OTP's client uses the same proxy for all calls of a profile.
  @proxied_profile :pipeline_proxied
  # The longest answer of a model has a few hundred thousand bytes.
  @max_reply_bytes 64_000_000
  @key_headers ["x-api-key", "x-goog-api-key"]

  @doc """
  Start the two clients that all calls share: one without a proxy, and one with the proxies of the environment. OTP's default
  client is not used, because other code may have configured it.
  """
  @spec start() :: :ok
  def start do
    for profile <- [@profile, @proxied_profile] do
      case :inets.start(:httpc, profile: profile) do
        {:ok, _} -> :ok
        {:error, {:already_started, _}} -> :ok
      end

      :ok = :httpc.set_options([cookies: :disabled], profile)
    end

    proxies =
      for {option, scheme} <- [proxy: "http", https_proxy: "https"],
          {:ok, %Proxy{host: host, port: port}} <- [Proxy.for_scheme(scheme)],
          do: {option, {{to_charlist(host), port}, []}}

    :ok = :httpc.set_options(proxies, @proxied_profile)
  end

  @doc "Send `body` as JSON with POST. Return the JSON object of the reply. `timeout` is in milliseconds, for the whole call."
  @spec post_json(String.t(), headers(), map(), pos_integer(), options()) ::
          {:ok, map()} | {:error, Error.t()}
  def post_json(url, headers, body, timeout, options \\ []),
    do: call(:post, url, headers, {~c"application/json", JSON.encode(body)}, timeout, options)

  @doc "Get a JSON object. `timeout` and `options` mean the same as in `post_json/5`."
  @spec get_json(String.t(), headers(), pos_integer(), options()) :: {:ok, map()} | {:error, Error.t()}
  def get_json(url, headers, timeout, options \\ []), do: call(:get, url, headers, nil, timeout, options)

  defp call(method, url, headers, content, timeout, options) do
    deadline = now() + timeout
    uri = URI.parse(url)

    with {:ok, tls} <- tls(uri, options[:ca_file]),
         {:ok, proxy} <- Proxy.for_address(uri) do
      address = to_charlist(url)
      header_lines = charlists([{"connection", "close"} | headers])

      request =
        case content do
          nil -> {address, header_lines}
          {type, body} -> {address, header_lines, type, body}
        end

      limits = [timeout: timeout, connect_timeout: min(timeout, 30_000), autoredirect: false]

      case send_request(method, request, limits ++ tls ++ login(proxy), profile(proxy), deadline) do
        {:ok, text} ->
          decode(text, uri)

        {{_, status, _}, reply_headers, text} ->
          {:error, status_error(status, reply_headers, text, uri, headers)}

        {:error, reason} ->
          {:error, connection_error(reason, uri, timeout)}
      end
    end
  end

  defp profile(nil), do: @profile
  defp profile(%Proxy{}), do: @proxied_profile

  defp login(%Proxy{login: {user, password}}), do: [proxy_auth: {to_charlist(user), to_charlist(password)}]
  defp login(_), do: []

  # If a run is cancelled, the process that waits here is killed. OTP's client does not notice that, so a guard process cancels
  # the request.
  defp send_request(method, request, http_options, profile, deadline) do
    caller = self()

    # The client may send messages after the call was given up. They go to an alias that is no longer valid by then.
    alias_of_caller = :erlang.alias()
    receiver = fn message -> send(alias_of_caller, {:http, message}) end
    options = [sync: false, receiver: receiver, stream: {:self, :once}, body_format: :binary]

    case :httpc.request(method, request, http_options, options, profile) do
      {:ok, id} ->
        guard = spawn(fn -> guard(Process.monitor(caller), id, profile) end)
        answer = receive_answer(id, deadline)
        cancelled? = answer in [{:error, :timeout}, {:error, :too_large}]
        send(guard, if(cancelled?, do: :cancel, else: :done))
        :erlang.unalias(alias_of_caller)
        drop_messages(id)
        answer

      error ->
        :erlang.unalias(alias_of_caller)
        error
    end
  end

  # Drop the messages that arrived while the alias was still valid.
  defp drop_messages(id) do
    receive do
      {:http, message} when elem(message, 0) == id -> drop_messages(id)
    after
      0 -> :ok
    end
  end

  defp receive_answer(id, deadline, client \\ nil, parts \\ [], size \\ 0) do
    receive do
      {:http, {^id, :stream_start, _, client}} ->
        next_part(id, deadline, client, parts, size)

      {:http, {^id, :stream, bytes}} when size + byte_size(bytes) <= @max_reply_bytes ->
        next_part(id, deadline, client, [parts, bytes], size + byte_size(bytes))

      {:http, {^id, :stream, _}} ->
        {:error, :too_large}

      {:http, {^id, :stream_end, _}} ->
        {:ok, IO.iodata_to_binary(parts)}

      {:http, {^id, answer}} ->
        answer
    after
      max(deadline - now(), 0) -> {:error, :timeout}
    end
  end

  # If a provider sends single bytes all the time, `receive` never times out. Therefore, check the deadline here as well.
  defp next_part(id, deadline, client, parts, size) do
    if now() >= deadline do
      {:error, :timeout}
    else
      :ok = :httpc.stream_next(client)
      receive_answer(id, deadline, client, parts, size)
    end
  end

  defp guard(caller, id, profile) do
    receive do
      :done -> :ok
      :cancel -> :httpc.cancel_request(id, profile)
      {:DOWN, ^caller, :process, _, _} -> :httpc.cancel_request(id, profile)
    end
  end

  defp status_error(status, reply_headers, text, uri, headers) do
    response = %{
      status: status,
      headers:
        Map.new(reply_headers, fn {name, value} ->
          {name |> to_string() |> String.downcase(), to_string(value)}
        end),
      body: text
    }

    HTTPFailure.error(response, uri.host, for({name, value} <- headers, name in @key_headers, do: value))
  end

  defp connection_error(:timeout, uri, timeout),
    do: Error.new(:timeout, "#{uri.host}: did not answer within #{timeout} ms", :soon)

  defp connection_error(:too_large, uri, _),
    do: Error.new(:provider_unavailable, "#{uri.host}: answered more than #{@max_reply_bytes} bytes")

  defp connection_error({:failed_connect, details}, uri, _) do
    case List.keyfind(details, :inet, 0) || List.keyfind(details, :inet6, 0) do
      # A certificate that is refused now will be refused again, so the call is not retried.
      {_, _, {:tls_alert, {alert, _}}} ->
        cause = alert |> to_string() |> String.replace("_", " ")

        Error.new(
          :provider_unavailable,
          "#{uri.host}: no secure connection (#{cause}): is its certificate one of this host, and trusted here?"
        )

      {_, _, reason} when is_atom(reason) ->
        unavailable(uri, "cannot be reached (#{:inet.format_error(reason)})")

      _ ->
        unavailable(uri, "cannot be reached")
    end
  end

  defp connection_error(_, uri, _), do: unavailable(uri, "the connection was lost")

  defp decode(text, uri) do
    case JSON.decode_foreign(text) do
      {:ok, map} when is_map(map) -> {:ok, map}
      _ -> {:error, unavailable(uri, "answered something that is not a JSON object")}
    end
  end

  defp unavailable(uri, problem), do: Error.new(:provider_unavailable, "#{uri.host}: #{problem}", :soon)

  defp tls(%URI{scheme: "https"}, ca_file) do
    with {:ok, certificates} <- Certificates.trusted(ca_file) do
      {:ok,
       [
         ssl: [
           verify: :verify_peer,
           cacerts: certificates,
           depth: 5,
           # The client need not log a failure, because its error says the same.
           log_level: :none,
           customize_hostname_check: [match_fun: :public_key.pkix_verify_hostname_match_fun(:https)]
         ]
       ]}
    end
  end

  defp tls(_, _), do: {:ok, []}

  defp charlists(headers), do: for({name, value} <- headers, do: {to_charlist(name), to_charlist(value)})
  defp now, do: System.monotonic_time(:millisecond)
end
