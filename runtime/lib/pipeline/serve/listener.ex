defmodule Pipeline.Serve.Listener do
  @moduledoc """
  HTTP, by mochiweb: a process for each connection, which lives as long as the connection does. Requests are turned to
  plain maps for `Pipeline.Serve.Router`, and its answers to JSON responses.
  """

  alias Pipeline.Serve.{Router, Token}

  # mochiweb itself waits five minutes for a request, and thirty seconds for each line of it: who has no token could keep
  # all others out with connections that say nothing. Between requests a client may take longer than for its first.
  @first_request_ms 10_000
  @next_request_ms 60_000

  # A client waits for its run on one connection, and may have others.
  @connections_of_a_run 4
  @least_connections 2_048

  @doc """
  Listen. Options: `ip` and `port` (0: a free one), `token`, `body_limit` in bytes, `busy`, a counter of the requests
  that are being answered, `limit` of runs at once, and `first_request_ms`, how long a connection may be silent.
  """
  @spec child_spec(keyword()) :: Supervisor.child_spec()
  def child_spec(options), do: %{id: __MODULE__, start: {__MODULE__, :start_link, [options]}}

  @spec start_link(keyword()) :: {:ok, pid()} | {:error, term()}
  def start_link(options) do
    server = Map.new(Keyword.take(options, [:token, :body_limit, :busy, :first_request_ms]))

    :mochiweb_clock.start()

    # What mochiweb_http would do, but for the watch over connections.
    :mochiweb_socket_server.start_link(
      name: :undefined,
      ip: options[:ip],
      port: options[:port],
      loop: {__MODULE__, :connected, [server]},
      max: max(@least_connections, options[:limit] * @connections_of_a_run),
      nodelay: true,
      backlog: 1024
    )
  end

  @doc false
  @spec connected(term(), [term()], map()) :: no_return()
  def connected(socket, options, server) do
    await_request(server[:first_request_ms] || @first_request_ms)
    :mochiweb_http.loop(socket, options, &handle(&1, server))
  end

  # A connection ends with its process.
  defp await_request(milliseconds) do
    {:ok, timer} = :timer.exit_after(milliseconds, {:shutdown, :no_request})
    Process.put(__MODULE__, timer)
    :ok
  end

  @doc "The port that it listens on."
  @spec port(pid()) :: :inet.port_number()
  def port(listener), do: :mochiweb_socket_server.get(listener, :port)

  defp handle(request, server) do
    :timer.cancel(Process.get(__MODULE__))
    :counters.add(server.busy, 1, 1)

    try do
      case body_length(request) do
        :malformed -> refuse(request)
        length -> request |> answer(length, server) |> respond(request)
      end
    after
      :counters.sub(server.busy, 1, 1)
      await_request(@next_request_ms)
    end
  end

  defp answer(request, length, %{token: %Token{} = token, body_limit: limit}) do
    {path, query, _} = :mochiweb_util.urlsplit_path(:mochiweb_request.get(:raw_path, request))

    Router.answer(
      %{
        method: to_string(:mochiweb_request.get(:method, request)),
        path: path |> to_string() |> String.split("/", trim: true),
        query: for({name, value} <- :mochiweb_util.parse_qs(query), into: %{}, do: {text(name), text(value)}),
        authorization: header(request, ~c"authorization") || "",
        body: fn -> read(request, length, limit) end
      },
      token
    )
  rescue
    # Said without the values: they may be a prompt.
    error -> Router.error(500, :crashed, "the server failed at this request: #{inspect(error.__struct__)}")
  catch
    :exit, reason when reason != :normal -> Router.error(500, :crashed, "the server failed at this request")
  end

  defp read(request, length, limit) do
    if is_integer(length) and length > limit, do: exit({:body_too_large, length})

    case :mochiweb_request.recv_body(limit, request) do
      body when is_binary(body) -> {:ok, body}
      :undefined -> {:ok, ""}
    end
  rescue
    # A chunk's length that is none.
    _ -> :malformed
  catch
    :exit, {:body_too_large, _} -> {:error, "the body is longer than #{limit} bytes"}
  end

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

  # mochiweb itself would stumble over such a length, in answering too.
  defp refuse(request) do
    {_, _, json} = Router.error(400, :bad_request, "Content-Length or Transfer-Encoding is malformed")
    socket = :mochiweb_request.get(:socket, request)
    head = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n"
    :mochiweb_socket.send(socket, [head, "Content-Length: #{byte_size(json)}\r\n\r\n", json])
    linger(socket)
    :mochiweb_socket.close(socket)
    exit(:normal)
  end

  # A connection that is closed while the client still sends is reset, and the answer lost.
  defp linger(socket) do
    :gen_tcp.shutdown(socket, :write)
    discard(socket, System.monotonic_time(:millisecond) + 2_000)
  end

  defp discard(socket, deadline) do
    with left when left > 0 <- deadline - System.monotonic_time(:millisecond),
         {:ok, _} <- :gen_tcp.recv(socket, 0, left) do
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

  # Bytes, which need not be UTF-8; then they match nothing here.
  defp text(bytes), do: bytes |> :erlang.list_to_binary()
end
