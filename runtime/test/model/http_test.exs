defmodule Pipeline.Model.HTTPTest do
  use ExUnit.Case, async: false

  import Pipeline.Waiting

  alias Pipeline.{Error, ScriptedProvider}
  alias Pipeline.Model.HTTP

  defp post(server, timeout \\ 30_000),
    do: HTTP.post_json(ScriptedProvider.url(server) <> "/v1", [{"x-api-key", "secret"}], %{a: "ü"}, timeout)

  test "64 calls at once do not wait for each other" do
    server = start_supervised!({ScriptedProvider, List.duplicate({:after, 1_000, {200, %{ok: true}}}, 64)})
    start = System.monotonic_time(:millisecond)

    done = 1..64 |> Task.async_stream(fn _ -> post(server) end, max_concurrency: 64, timeout: :infinity)

    assert Enum.all?(done, &(&1 == {:ok, {:ok, %{"ok" => true}}}))
    # One after the other, or two at a time, they would take more than 30 seconds.
    assert System.monotonic_time(:millisecond) - start < 30_000
  end

  test "calls leave no process behind" do
    server = start_supervised!({ScriptedProvider, List.duplicate({200, %{}}, 200)})
    for _ <- 1..20, do: {:ok, _} = post(server)
    before = length(Process.list())
    for _ <- 1..180, do: {:ok, _} = post(server)
    until(fn -> length(Process.list()) <= before + 5 end)
    assert Process.info(self(), :message_queue_len) == {:message_queue_len, 0}
  end

  test "a call closes its connection when its process is ended" do
    {:ok, listen} = :gen_tcp.listen(0, [:binary, ip: {127, 0, 0, 1}, active: false])
    {:ok, port} = :inet.port(listen)
    {pid, ended} = spawn_monitor(fn -> HTTP.post_json("http://127.0.0.1:#{port}", [], %{}, 30_000) end)
    {:ok, socket} = :gen_tcp.accept(listen)
    assert {:ok, "POST / HTTP/1.1\r\n" <> _} = :gen_tcp.recv(socket, 0, 30_000)
    Process.exit(pid, :kill)
    assert_receive {:DOWN, ^ended, :process, _, :killed}
    assert {:error, :closed} = closed(socket)
  end

  defp closed(socket) do
    with {:ok, _} <- :gen_tcp.recv(socket, 0, 30_000), do: closed(socket)
  end

  # Answer one connection with these bytes, until the client stops reading. Return the address.
  defp answering(bytes) do
    {:ok, listen} = :gen_tcp.listen(0, [:binary, ip: {127, 0, 0, 1}, active: false])
    {:ok, port} = :inet.port(listen)

    start_supervised!(
      {Task,
       fn ->
         {:ok, socket} = :gen_tcp.accept(listen)
         {:ok, _} = :gen_tcp.recv(socket, 0)
         Enum.find(bytes, &(:gen_tcp.send(socket, &1) != :ok))
         :gen_tcp.close(socket)
       end}
    )

    "http://127.0.0.1:#{port}/v1"
  end

  describe "a reply" do
    for {name, bytes, answer} <- [
          {"of a declared length", ["HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"a\"", ": 1}"],
           %{"a" => 1}},
          {"in chunks",
           [
             "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{\"a",
             "\r\n5;x=y\r\n\": 1}\r\n0\r\n\r\n"
           ], %{"a" => 1}},
          {"to the end of the connection", ["HTTP/1.0 200 OK\r\n\r\n{\"a\"", ": 1}"], %{"a" => 1}},
          {"after its announcement",
           ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"], %{}}
        ] do
      test "#{name} is read whole" do
        assert HTTP.post_json(answering(unquote(bytes)), [], %{}, 10_000) ==
                 {:ok, unquote(Macro.escape(answer))}
      end
    end

    for {name, bytes, text} <- [
          {"that is cut off", ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"], "the connection was lost"},
          {"that is not HTTP", ["SSH-2.0-OpenSSH\r\n\r\n"], "the connection was lost"},
          {"with a chunk of no length", ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
           "the connection was lost"}
        ] do
      test "#{name} is an error" do
        assert {:error, %Error{kind: :provider_unavailable, message: message}} =
                 HTTP.post_json(answering(unquote(bytes)), [], %{}, 10_000)

        assert message =~ unquote(text)
      end
    end

    for {name, length} <- [
          {"a length of gigabytes", "Content-Length: 3000000000"},
          {"chunks without an end", "Transfer-Encoding: chunked"},
          {"no length and no end", "X: y"}
        ] do
      test "of #{name} is not read into memory, and the call is not repeated" do
        part = String.duplicate(" ", 1_000_000)
        part = if unquote(length) =~ "chunked", do: "f4240\r\n#{part}\r\n", else: part
        head = "HTTP/1.1 200 x\r\n#{unquote(length)}\r\n\r\n"
        url = answering(Stream.concat([head], Stream.repeatedly(fn -> part end)))

        assert {:error, %Error{kind: :provider_unavailable, retry: :never, message: message}} =
                 HTTP.post_json(url, [], %{}, 20_000)

        assert message == "127.0.0.1: answered more than 64000000 bytes"
      end
    end
  end

  test "no part of a key is in an error, wherever the reason is cut" do
    for length <- 480..500 do
      reason = String.duplicate("x", length) <> "secret-key-of-some-length"
      server = start_supervised!({ScriptedProvider, [{401, %{error: %{message: reason}}}]}, id: length)
      url = ScriptedProvider.url(server)

      assert {:error, %Error{kind: :authentication, message: message}} =
               HTTP.post_json(url, [{"x-api-key", "secret-key-of-some-length"}], %{}, 10_000)

      refute message =~ "xs"
    end
  end

  test "a reply that comes byte by byte is given up when the time of the call is over" do
    server =
      start_supervised!({ScriptedProvider, [{:drip, 50, {200, %{text: String.duplicate("x", 1_000)}}}]})

    start = System.monotonic_time(:millisecond)

    assert {:error, %Error{kind: :timeout, message: "127.0.0.1: did not answer within 700 ms"}} =
             post(server, 700)

    # The whole reply would take 50 seconds.
    assert (System.monotonic_time(:millisecond) - start) in 700..20_000
    refute_receive {:http, _}, 200
  end

  test "a call that was given up leaves no message behind, whenever its reply arrives" do
    call = fn number ->
      server = start_supervised!({ScriptedProvider, [{:drip, 5, {200, %{text: "x"}}}]}, id: number)

      Task.async(fn ->
        post(server, 20 + 5 * number)
        refute_receive {:http, _}, 500
      end)
    end

    1..40 |> Enum.map(call) |> Task.await_many(:infinity)
  end

  test "an error that comes byte by byte is given up too" do
    server =
      start_supervised!({ScriptedProvider, [{:drip, 50, {500, %{text: String.duplicate("x", 1_000)}}}]})

    assert {:error, %Error{kind: :timeout}} = post(server, 700)
  end

  test "a redirect is not followed, and the call is not repeated" do
    server = start_supervised!({ScriptedProvider, [{302, "", [{"location", "/elsewhere"}]}]})
    assert {:error, %Error{kind: :provider_unavailable, retry: :never}} = post(server)
  end

  test "an untrusted certificate is reported in a sentence, and the call is not repeated" do
    key = {:namedCurve, :secp256r1}
    certificates = :public_key.pkix_test_data(%{root: [key: key], peer: [key: key]})
    {:ok, listen} = :ssl.listen(0, [ip: {127, 0, 0, 1}, active: false, log_level: :none] ++ certificates)
    {:ok, {_, port}} = :ssl.sockname(listen)

    start_supervised!(
      {Task,
       fn -> with {:ok, socket} <- :ssl.transport_accept(listen), do: :ssl.handshake(socket, 10_000) end}
    )

    assert {:error, %Error{kind: :provider_unavailable, retry: :never, message: message}} =
             HTTP.post_json("https://127.0.0.1:#{port}", [], %{}, 10_000)

    assert message =~ "127.0.0.1: no secure connection ("
    refute message =~ ~r/[{}\[\]]/
  end

  test "an invalid address is an error that does not show the key" do
    for url <- ["nowhere", "http://127.0.0.1:1/v1", "ftp://x"] do
      assert {:error, %Error{kind: :provider_unavailable} = error} =
               HTTP.post_json(url, [{"x-api-key", "secret"}], %{}, 500)

      refute inspect(error) =~ "secret"
    end
  end
end
