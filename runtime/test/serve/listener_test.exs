defmodule Pipeline.Serve.ListenerTest do
  @moduledoc "Tests malformed requests, large bodies, slow clients and silent connections."

  use ExUnit.Case, async: false

  import Pipeline.{Answers, ServeCalls}

  alias Pipeline.Serve
  alias Pipeline.Serve.Token

  setup :set_environment

  describe "the listener" do
    test "refuses malformed requests, and a run under way goes on" do
      server = start_server([gemini("a: 1")])
      id = start_run(server)

      for bytes <- [
            run_request_head() <> "Content-Length: many\r\n\r\n",
            run_request_head() <> "Content-Length: 5, 6\r\n\r\n",
            run_request_head() <> "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            run_request_head() <> "Transfer-Encoding: gzip\r\n\r\n",
            run_request_head() <> "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
            "GET /#{String.duplicate("x", 20_000)} HTTP/1.1\r\n\r\n",
            "GET /health HTTP/1.1\r\nX: #{String.duplicate("x", 20_000)}\r\n\r\n",
            "GET /health HTTP/1.1\r\n" <> String.duplicate("X: y\r\n", 1_500) <> "\r\n"
          ] do
        assert send_bytes(server, bytes) =~ "HTTP/1.1 400"
      end

      assert send_bytes(server, "GET /runs/absent HTTP/1.1\r\nAuthorization: bearer the token\r\n\r\n") =~
               "404"

      assert send_bytes(server, "GET /%ff%00/../runs HTTP/1.1\r\nAuthorization: Bearer the token\r\n\r\n") =~
               "404"

      assert send_bytes(
               server,
               run_request_head() <> "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
             ) =~
               "422"

      assert %{"status" => "done"} = await_run(server, id)
    end

    test "refuses a body over the limit before reading all of it, even if the length is not announced" do
      server = start_server([], body_limit: 1_000)
      assert send_bytes(server, run_request_head() <> "Content-Length: 1001\r\n\r\n") =~ "413"
      chunk = "1f4\r\n#{String.duplicate("x", 500)}\r\n"

      assert send_bytes(
               server,
               run_request_head() <> "Transfer-Encoding: chunked\r\n\r\n" <> chunk <> chunk <> chunk
             ) =~
               "413"
    end

    test "answers other clients while clients send slowly" do
      server = start_server([gemini("a: 1")])

      slow =
        for _ <- 1..200 do
          {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, server.port, [:binary, active: false])
          :ok = :gen_tcp.send(socket, run_request_head() <> "Content-Length: 100\r\n\r\n{")
          socket
        end

      assert %{"status" => "done"} = await_run(server, start_run(server))
      Enum.each(slow, &:gen_tcp.close/1)
    end

    test "closes connections whose bodies arrive one byte at a time, and says why" do
      server = start_server([gemini("a: 1")], body_ms: 1_000)

      slow =
        for _ <- 1..60 do
          Task.async(fn ->
            {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, server.port, [:binary, active: false])
            :ok = :gen_tcp.send(socket, run_request_head() <> "Content-Length: 100000\r\n\r\n")
            drip(socket, System.monotonic_time(:millisecond) + 50_000)
          end)
        end

      assert slow |> Task.await_many(55_000) |> Enum.all?(&(&1 =~ "408" and &1 =~ "within 1000 ms"))
      assert %{"status" => "done"} = await_run(server, start_run(server))
    end

    test "lets a slow client send more for a moment after the answer, so that the answer is not lost" do
      server = start_server([], body_ms: 500)
      {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, server.port, [:binary, active: false])
      :ok = :gen_tcp.send(socket, run_request_head() <> "Content-Length: 100000\r\n\r\n")
      {:ok, head} = :gen_tcp.recv(socket, 0, 30_000)

      for _ <- 1..5 do
        :ok = :gen_tcp.send(socket, " ")
        Process.sleep(20)
      end

      assert head =~ "408"
      assert {:error, :closed} = :gen_tcp.recv(socket, 0, 30_000)
    end

    test "closes connections that are silent or send half a request, so that others can connect" do
      server = start_server([], first_request_ms: 1_000)

      sockets =
        for n <- 1..2_100, reduce: [] do
          sockets ->
            case :gen_tcp.connect({127, 0, 0, 1}, server.port, [:binary, active: false], 5_000) do
              {:ok, socket} ->
                if rem(n, 2) == 0, do: :gen_tcp.send(socket, "GET /health HTTP/1.1\r\nX:")
                [socket | sockets]

              {:error, _} ->
                sockets
            end
        end

      assert {200, _, _} = send_request(server, :get, "/health", nil, nil)
      Enum.each(sockets, &:gen_tcp.close/1)
    end

    test "takes several requests on one connection" do
      server = start_server([])
      {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, server.port, [:binary, active: false])

      for _ <- 1..3 do
        :ok = :gen_tcp.send(socket, "GET /health HTTP/1.1\r\n\r\n")
        assert {:ok, "HTTP/1.1 200" <> _} = :gen_tcp.recv(socket, 0, 30_000)
      end
    end
  end

  # Send a byte every 20 ms until the server answers, and return the answer.
  defp drip(socket, deadline) do
    with true <- System.monotonic_time(:millisecond) < deadline,
         {:error, :timeout} <- :gen_tcp.recv(socket, 0, 20) do
      _ = :gen_tcp.send(socket, " ")
      drip(socket, deadline)
    else
      {:ok, answer} -> answer
      other -> inspect(other)
    end
  end

  test "a port that is in use is an error" do
    server = start_server([])
    token = Token.new("x")
    Process.flag(:trap_exit, true)

    options = [
      ip: {127, 0, 0, 1},
      port: server.port,
      token: token,
      limit: 1,
      open_requests: :counters.new(1, [])
    ]

    assert {:error, {:already_started, _}} = Serve.Runs.start_link(options)
    assert {:error, :eaddrinuse} = Serve.Listener.start_link(options)
  end
end
