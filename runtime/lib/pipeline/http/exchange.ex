defmodule Pipeline.HTTP.Exchange do
  @moduledoc """
  One request and its reply, HTTP/1.1, over a connection of its own, which ends with the process that asked.

  OTP's own client takes a reply of any size into memory, one that is an error in any case. Here no more is read than the
  limit: whoever answers without an end ends this call, and not the VM.
  """

  @most_in_the_head 65_536

  @type headers :: [{String.t(), String.t()}]
  @type reply :: {status :: pos_integer(), headers(), body :: binary()}
  @type reason :: :timeout | :closed | :malformed | {:too_large, pos_integer()} | {:connect, term()} | term()

  @doc """
  POST `body`; names of headers of the reply are in lower case. `timeout` is in milliseconds, for all of it, and `limit` is
  the most bytes that the reply's body may have.
  """
  @spec post(URI.t(), headers(), iodata(), timeout :: pos_integer(), limit :: pos_integer()) ::
          {:ok, reply()} | {:error, reason()}
  def post(%URI{} = uri, headers, body, timeout, limit) do
    deadline = now() + timeout

    with {:ok, transport, socket} <- connect(uri, min(timeout, 30_000)) do
      try do
        :ok = transport.send(socket, [head(uri, headers, body), body]) |> well()
        read(%{transport: transport, socket: socket, deadline: deadline, limit: limit, buffer: ""})
      catch
        {:failed, reason} -> {:error, reason}
      after
        transport.close(socket)
      end
    end
  end

  defp connect(%URI{scheme: scheme, host: host, port: port}, timeout) do
    {transport, more} = transport(scheme)
    options = [:binary, active: false, packet: :raw, nodelay: true, send_timeout: timeout] ++ more

    # An address of the newer kind has to be announced.
    {host, family} =
      case host |> to_charlist() |> :inet.parse_ipv6strict_address() do
        {:ok, address} -> {address, [:inet6]}
        {:error, _} -> {to_charlist(host), []}
      end

    case transport.connect(host, port, family ++ options, timeout) do
      {:ok, socket} -> {:ok, transport, socket}
      {:error, reason} -> {:error, {:connect, reason}}
    end
  end

  defp transport("http"), do: {:gen_tcp, []}

  defp transport("https") do
    {:ssl,
     [
       verify: :verify_peer,
       cacerts: :public_key.cacerts_get(),
       depth: 5,
       # What it would log is in the error.
       log_level: :none,
       customize_hostname_check: [match_fun: :public_key.pkix_verify_hostname_match_fun(:https)]
     ]}
  end

  defp head(uri, headers, body) do
    target = (uri.path || "/") <> if(uri.query, do: "?#{uri.query}", else: "")

    fixed = [
      {"host", host(uri)},
      {"connection", "close"},
      {"content-type", "application/json"},
      {"content-length", body |> IO.iodata_length() |> Integer.to_string()}
    ]

    lines = for {name, value} <- fixed ++ headers, do: [name, ": ", value, "\r\n"]
    ["POST ", target, " HTTP/1.1\r\n", lines, "\r\n"]
  end

  defp host(%URI{host: host, port: port, scheme: scheme}) do
    host = if String.contains?(host, ":"), do: "[#{host}]", else: host
    if port == URI.default_port(scheme), do: host, else: "#{host}:#{port}"
  end

  defp read(state) do
    {line, state} = line(state, @most_in_the_head)

    with ["HTTP/1." <> _, code | _] <- String.split(line, " ", parts: 3),
         {status, ""} when status in 100..599 <- Integer.parse(code) do
      {headers, state} = headers(state, [], @most_in_the_head)
      # 1xx announces the reply, and is none.
      if status < 200, do: read(state), else: {:ok, {status, headers, body(state, headers)}}
    else
      _ -> {:error, :malformed}
    end
  end

  defp headers(state, read, most) do
    case line(state, most) do
      {"", state} ->
        {Enum.reverse(read), state}

      {line, state} ->
        case String.split(line, ":", parts: 2) do
          [name, value] ->
            headers(state, [{String.downcase(name), String.trim(value)} | read], most - byte_size(line) - 2)

          [_] ->
            failed(:malformed)
        end
    end
  end

  defp body(state, headers) do
    case {List.keyfind(headers, "transfer-encoding", 0), List.keyfind(headers, "content-length", 0)} do
      {{_, encoding}, _} ->
        if String.downcase(encoding) == "chunked", do: chunks(state, [], 0), else: failed(:malformed)

      {nil, {_, digits}} ->
        {body, _} = take(state, number(digits, 10))
        body

      {nil, nil} ->
        to_the_end(state)
    end
  end

  defp chunks(state, read, size) do
    {line, state} = line(state, @most_in_the_head)
    length = line |> String.split(";", parts: 2) |> hd() |> String.trim() |> number(16)
    if size + length > state.limit, do: failed({:too_large, state.limit})

    if length == 0 do
      read |> Enum.reverse() |> IO.iodata_to_binary()
    else
      {chunk, state} = take(state, length)

      case take(state, 2) do
        {"\r\n", state} -> chunks(state, [chunk | read], size + length)
        _ -> failed(:malformed)
      end
    end
  end

  defp number(digits, base) do
    case Integer.parse(digits, base) do
      {number, ""} when number >= 0 -> number
      _ -> failed(:malformed)
    end
  end

  defp take(%{limit: limit}, length) when length > limit, do: failed({:too_large, limit})

  # Looked into only when all is there: a binary that is matched is copied when it grows.
  defp take(%{buffer: buffer} = state, length) when byte_size(buffer) >= length do
    <<taken::binary-size(length), rest::binary>> = buffer
    {taken, %{state | buffer: rest}}
  end

  defp take(state, length), do: state |> more() |> take(length)

  defp line(%{buffer: buffer} = state, most) do
    case String.split(buffer, "\r\n", parts: 2) do
      [line, rest] when byte_size(line) <= most -> {line, %{state | buffer: rest}}
      [part] when byte_size(part) <= most -> state |> more() |> line(most)
      _ -> failed(:malformed)
    end
  end

  defp to_the_end(%{buffer: buffer, limit: limit}) when byte_size(buffer) > limit,
    do: failed({:too_large, limit})

  defp to_the_end(state) do
    case receive_some(state) do
      {:ok, bytes} -> to_the_end(%{state | buffer: state.buffer <> bytes})
      {:error, :closed} -> state.buffer
      {:error, reason} -> failed(reason)
    end
  end

  defp more(state) do
    {:ok, bytes} = state |> receive_some() |> well()
    %{state | buffer: state.buffer <> bytes}
  end

  defp receive_some(state) do
    case state.deadline - now() do
      left when left > 0 -> state.transport.recv(state.socket, 0, left)
      _ -> {:error, :timeout}
    end
  end

  defp well({:error, reason}), do: failed(reason)
  defp well(done), do: done

  @spec failed(reason()) :: no_return()
  defp failed(reason), do: throw({:failed, reason})

  defp now, do: System.monotonic_time(:millisecond)
end
