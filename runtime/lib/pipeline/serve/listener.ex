defmodule Pipeline.Serve.Listener do
  @moduledoc """
  Serves HTTP with the library mochiweb. Each connection has its own process, which ends with the connection.

  Requests become plain maps for `Pipeline.Serve.Router`. The router's answers become JSON responses.
  """

  alias Pipeline.Serve.{Router, Token}

  # mochiweb waits five minutes for a request, and thirty seconds for each line of a request. With these limits alone, a client
  # without a token could open silent connections until nobody else can connect. A client may be silent for longer between two
  # requests than before its first one.
  @first_request_ms 10_000
  @next_request_ms 60_000
  # mochiweb's own time limit starts again with every byte of a body, so a client could send one byte a second for ever.
  @body_ms 60_000
  # How long a connection is kept for the client to read an answer, in milliseconds, while the client still sends.
  @linger_ms 2_000

  # A client waits for its run on one connection and may have further ones.
  @connections_per_run 4
  @min_connections 2_048

  @doc """
  Return the child specification of a listener. Options:

    * `ip`, `port` - the address; port 0 means any free port
    * `token` - the token that clients have to send
    * `body_limit` - the largest body of a request, in bytes
    * `limit` - how many runs may be under way at once
    * `open_requests` - a counter of the requests that are being answered
    * `first_request_ms` - how long a new connection may take until the head of its first request is complete;
      #{@first_request_ms} by default
    * `body_ms` - how long the body of a request may take; #{@body_ms} by default
  """
  @spec child_spec(keyword()) :: Supervisor.child_spec()
  def child_spec(options), do: %{id: __MODULE__, start: {__MODULE__, :start_link, [options]}}

  @doc "Start a listener with the options of `child_spec/1`."
  @spec start_link(keyword()) :: {:ok, pid()} | {:error, term()}
  def start_link(options) do
    server =
      Map.new(Keyword.take(options, [:token, :body_limit, :open_requests, :first_request_ms, :body_ms]))

    :mochiweb_clock.start()

    # mochiweb_http starts its server in the same way. Here, `connected/3` also limits how long a connection may be silent.
    :mochiweb_socket_server.start_link(
      name: :undefined,
      ip: options[:ip],
      port: options[:port],
      loop: {__MODULE__, :connected, [server]},
      max: max(@min_connections, options[:limit] * @connections_per_run),
      nodelay: true,
      backlog: 1024
    )
  end

  @doc false
  @spec connected(term(), [term()], map()) :: no_return()
  def connected(socket, options, server) do
    limit_silence(server[:first_request_ms] || @first_request_ms)
    :mochiweb_http.loop(socket, options, &handle(&1, server))
  end

  # End the process, and the connection with it, if no request arrives in time.
  defp limit_silence(milliseconds) do
    {:ok, timer} = :timer.exit_after(milliseconds, {:shutdown, :no_request})
    Process.put(__MODULE__, timer)
    :ok
  end

  @doc "Return the port of a listener."
  @spec port(pid()) :: :inet.port_number()
  def port(listener), do: :mochiweb_socket_server.get(listener, :port)

  defp handle(request, server) do
    :timer.cancel(Process.get(__MODULE__))
    :counters.add(server.open_requests, 1, 1)

    try do
      case body_length(request) do
        :malformed -> refuse_length(request)
        length -> request |> answer(length, server) |> respond(request)
      end
    after
      :counters.sub(server.open_requests, 1, 1)
      limit_silence(@next_request_ms)
    end
  end

  defp answer(request, length, %{token: %Token{} = token} = server) do
    {path, query, _} = :mochiweb_util.urlsplit_path(:mochiweb_request.get(:raw_path, request))

    Router.answer(
      %{
        method: to_string(:mochiweb_request.get(:method, request)),
        path: path |> to_string() |> String.split("/", trim: true),
        query: for({name, value} <- :mochiweb_util.parse_qs(query), into: %{}, do: {text(name), text(value)}),
        authorization: header(request, ~c"authorization") || "",
        body: fn -> read_body(request, length, server) end
      },
      token
    )
  rescue
    # Leave out the values of the exception: they may contain a prompt.
    error ->
      Router.error(
        500,
        :crashed,
        "the server crashed while answering this request: #{inspect(error.__struct__)}"
      )
  catch
    :exit, reason when reason != :normal ->
      Router.error(500, :crashed, "the server crashed while answering this request")
  end

  defp read_body(request, length, %{body_limit: limit} = server) do
    if is_integer(length) and length > limit, do: exit({:body_too_large, length})
    socket = :mochiweb_request.get(:socket, request)
    milliseconds = server[:body_ms] || @body_ms
    turn = :atomics.new(1, [])
    {:ok, timer} = :timer.apply_after(milliseconds, __MODULE__, :refuse_slow, [socket, milliseconds, turn])

    try do
      body = :mochiweb_request.recv_body(limit, request)
      # The client was told that its body is too late, so its request must not be carried out.
      if not first?(turn), do: exit(:normal)
      {:ok, if(body == :undefined, do: "", else: body)}
    after
      :timer.cancel(timer)
    end
  rescue
    # mochiweb raises if the length of a chunk is not a number.
    _ -> :malformed
  catch
    :exit, {:body_too_large, _} -> {:error, "the body is longer than #{limit} bytes"}
  end

  # Refuse a request whose body takes too long, and end its connection. Meanwhile, the connection's process reads on, so that
  # the client gets the answer (see `linger/1`).
  @doc false
  @spec refuse_slow(term(), pos_integer(), :atomics.atomics_ref()) :: :ok
  def refuse_slow(socket, milliseconds, turn) do
    if first?(turn) do
      message = "the body did not arrive within #{milliseconds} ms: send it at once"
      {_, _, json} = Router.error(408, :timeout, message)
      send_refusal(socket, "408 Request Timeout", json)
      :gen_tcp.shutdown(socket, :write)
      Process.sleep(@linger_ms)
      :mochiweb_socket.close(socket)
    end

    :ok
  end

  # Return true for the first of two processes that ask.
  defp first?(turn), do: :atomics.add_get(turn, 1, 1) == 1

  defp respond({status, headers, json}, request) do
    close? = :mochiweb_request.should_close(request)

    headers = [
      {"Server", "pipeline"},
      {"Content-Type", "application/json"},
      {"Cache-Control", "no-store"} | headers
    ]

    :mochiweb_request.respond({status, headers, json}, request)
    if close?, do: linger(:mochiweb_request.get(:socket, request))
  end

  # mochiweb would crash at a malformed length, even while it sends an answer. Write the answer to the socket directly.
  defp refuse_length(request) do
    {_, _, json} = Router.error(400, :bad_request, "Content-Length or Transfer-Encoding is malformed")
    socket = :mochiweb_request.get(:socket, request)
    send_refusal(socket, "400 Bad Request", json)
    linger(socket)
    :mochiweb_socket.close(socket)
    exit(:normal)
  end

  defp send_refusal(socket, status, json) do
    head = "HTTP/1.1 #{status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    :mochiweb_socket.send(socket, [head, "Content-Length: #{byte_size(json)}\r\n\r\n", json])
  end

  # If the connection is closed while the client still sends, the connection is reset and the client loses the answer. Read
  # and discard what the client sends, for some time.
  defp linger(socket) do
    :gen_tcp.shutdown(socket, :write)
    discard(socket, System.monotonic_time(:millisecond) + @linger_ms)
  end

  defp discard(socket, deadline) do
    with milliseconds when milliseconds > 0 <- deadline - System.monotonic_time(:millisecond),
         {:ok, _} <- :gen_tcp.recv(socket, 0, milliseconds) do
      discard(socket, deadline)
    end
  end

  defp body_length(request) do
    case {header(request, ~c"transfer-encoding"), header(request, ~c"content-length")} do
      {nil, nil} -> 0
      {nil, digits} -> if digits =~ ~r/\A\d{1,15}\z/, do: String.to_integer(digits), else: :malformed
      {encoding, nil} -> if String.downcase(encoding) == "chunked", do: :chunked, else: :malformed
      {_, _} -> :malformed
    end
  end

  defp header(request, name) do
    case :mochiweb_request.get_header_value(name, request) do
      :undefined -> nil
      value -> text(value)
    end
  end

  # The bytes may be any. Bytes that are not UTF-8 match no path, token or key.
  defp text(bytes), do: bytes |> :erlang.list_to_binary()
end
