defmodule Pipeline.ScriptedProvider do
  @moduledoc """
  Serves a model service on a free loopback port. It answers each request with the next entry of a script:

    * `{status, body}` or `{status, body, headers}` - answer at once
    * `{:after, milliseconds, answer}` - answer after this time
    * `{:drip, milliseconds, answer}` - send one byte of the body each time this time is over
    * `:hang` - never answer
    * `:close` - close the connection without an answer

  A request beyond the end of the script is answered with 500, and `requests/1` raises.
  """

  use GenServer

  @type answer ::
          {status :: pos_integer(), body :: map() | binary()}
          | {status :: pos_integer(), body :: map() | binary(), headers :: [{String.t(), String.t()}]}
          | {:after, pos_integer(), answer()}
          | {:drip, pos_integer(), answer()}
          | :hang
          | :close

  @doc "Start a service with this script."
  @spec start_link([answer()]) :: GenServer.on_start()
  def start_link(script), do: GenServer.start_link(__MODULE__, script)

  @doc "Return the address of the service."
  @spec url(pid()) :: String.t()
  def url(server), do: GenServer.call(server, :url)

  @doc "Return the requests in order, as `%{path, headers, body}`. Raise if the script was too short for them."
  @spec requests(pid()) :: [map()]
  def requests(server) do
    case GenServer.call(server, :requests) do
      {requests, 0} -> requests
      {_, unscripted} -> raise "#{unscripted} requests beyond the script"
    end
  end

  @doc "Return the settings of a run that asks this service, with these changes."
  @spec settings(pid(), keyword()) :: Pipeline.Settings.t()
  def settings(server, changes \\ []) do
    url = url(server)
    key = fn -> "secret-key" end

    settings = %Pipeline.Settings{
      keys: %{anthropic: key, gemini: key},
      base_urls: %{anthropic: url, gemini: url},
      timeout: 20_000,
      retries: 0
    }

    struct!(settings, changes)
  end

  @impl true
  def init(script) do
    {:ok, listen} =
      :gen_tcp.listen(0, [
        :binary,
        ip: {127, 0, 0, 1},
        active: false,
        packet: :raw,
        reuseaddr: true,
        backlog: 1024
      ])

    server = self()
    pid = spawn_link(fn -> accept(listen, server) end)
    :ok = :gen_tcp.controlling_process(listen, pid)
    {:ok, port} = :inet.port(listen)
    {:ok, %{script: script, port: port, requests: [], unscripted: 0}}
  end

  @impl true
  def handle_call(:url, _, state), do: {:reply, "http://127.0.0.1:#{state.port}", state}
  def handle_call(:requests, _, state), do: {:reply, {Enum.reverse(state.requests), state.unscripted}, state}

  def handle_call({:asked, request}, _, state) do
    state = %{state | requests: [request | state.requests]}

    case state.script do
      [answer | rest] -> {:reply, answer, %{state | script: rest}}
      [] -> {:reply, {500, "unscripted"}, %{state | unscripted: state.unscripted + 1}}
    end
  end

  defp accept(listen, server) do
    {:ok, socket} = :gen_tcp.accept(listen)
    pid = spawn_link(fn -> receive(do: (:go -> serve(socket, server))) end)
    :ok = :gen_tcp.controlling_process(socket, pid)
    send(pid, :go)
    accept(listen, server)
  end

  defp serve(socket, server) do
    {head, rest} = head(socket, "")
    [request | lines] = String.split(head, "\r\n")
    [_, path, _] = String.split(request, " ")
    headers = Map.new(lines, fn line -> line |> String.split(": ", parts: 2) |> lower() end)
    body = body(socket, rest, String.to_integer(headers["content-length"] || "0"))

    request = %{
      path: path,
      headers: headers,
      body: if(body == "", do: nil, else: :jiffy.decode(body, [:return_maps]))
    }

    socket |> send_back(GenServer.call(server, {:asked, request}))
    :gen_tcp.close(socket)
  end

  # A client that stops waiting closes the connection.
  defp send_back(socket, :hang), do: :gen_tcp.recv(socket, 0)
  defp send_back(_, :close), do: :ok
  defp send_back(socket, {status, body}), do: send_back(socket, {status, body, []})

  defp send_back(socket, {status, %{} = map, headers}),
    do: answer(socket, status, :jiffy.encode(map), headers)

  defp send_back(socket, {:after, wait, answer}) do
    Process.sleep(wait)
    send_back(socket, answer)
  end

  defp send_back(socket, {:drip, wait, {status, %{} = map}}) do
    text = map |> :jiffy.encode() |> IO.iodata_to_binary()
    :gen_tcp.send(socket, "HTTP/1.1 #{status} x\r\ncontent-length: #{byte_size(text)}\r\n\r\n")

    for(<<byte <- text>>, do: byte)
    |> Enum.find(fn byte -> Process.sleep(wait) && :gen_tcp.send(socket, [byte]) != :ok end)
  end

  defp send_back(socket, {status, text, headers}), do: answer(socket, status, text, headers)

  defp lower([name, value]), do: {String.downcase(name), value}

  defp head(socket, read) do
    case String.split(read, "\r\n\r\n", parts: 2) do
      [head, rest] ->
        {head, rest}

      [_] ->
        {:ok, more} = :gen_tcp.recv(socket, 0, 30_000)
        head(socket, read <> more)
    end
  end

  defp body(_, read, length) when byte_size(read) >= length, do: read

  defp body(socket, read, length) do
    {:ok, more} = :gen_tcp.recv(socket, 0, 30_000)
    body(socket, read <> more, length)
  end

  defp answer(socket, status, text, headers) do
    text = IO.iodata_to_binary(text)
    head = "HTTP/1.1 #{status} x\r\ncontent-type: application/json\r\ncontent-length: #{byte_size(text)}\r\n"
    headers = for {name, value} <- headers, do: [name, ": ", value, "\r\n"]
    :gen_tcp.send(socket, [head, headers, "connection: close\r\n\r\n", text])
  end
end
