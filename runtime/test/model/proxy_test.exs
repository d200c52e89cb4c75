defmodule Pipeline.Model.ProxyTest do
  @moduledoc "Tests which proxy an address gets, and that calls go through it."

  use ExUnit.Case, async: false

  alias Pipeline.Error
  alias Pipeline.Model.{HTTP, Proxy}
  alias Pipeline.ScriptedProvider

  @names ~w(HTTPS_PROXY HTTP_PROXY ALL_PROXY NO_PROXY)

  setup do
    names = @names ++ Enum.map(@names, &String.downcase/1)
    before = Map.new(names, &{&1, System.get_env(&1)})
    Enum.each(names, &System.delete_env/1)

    on_exit(fn ->
      for {name, value} <- before,
          do: if(value, do: System.put_env(name, value), else: System.delete_env(name))

      HTTP.start()
    end)
  end

  defp proxy(url, variables) do
    with {:ok, %Proxy{host: host, port: port, login: login}} <-
           Proxy.for_address(URI.parse(url), &variables[&1]),
         do: {host, port, login}
  end

  test "the variables that other programs read name the proxy" do
    for {url, variables, expected} <- [
          {"https://a.example/v1", %{"HTTPS_PROXY" => "http://p.example:3128"}, {"p.example", 3128, nil}},
          {"https://a.example/v1", %{"https_proxy" => "p.example:3128/"}, {"p.example", 3128, nil}},
          {"https://a.example", %{"ALL_PROXY" => "http://u%40:p:w@p.example"},
           {"p.example", 80, {"u@", "p:w"}}},
          {"http://a.example", %{"HTTPS_PROXY" => "http://p.example:3128"}, {:ok, nil}},
          {"http://a.example", %{"http_proxy" => "http://p.example:1"}, {"p.example", 1, nil}},
          {"https://a.example", %{"HTTPS_PROXY" => " "}, {:ok, nil}},
          {"https://a.example", %{}, {:ok, nil}}
        ] do
      assert proxy(url, variables) == expected
    end
  end

  test "the hosts in NO_PROXY and this machine are called without a proxy" do
    proxies = %{"HTTPS_PROXY" => "http://p.example:3128", "HTTP_PROXY" => "http://p.example:3128"}

    for {url, no_proxy, none?} <- [
          {"https://api.a.example", "b.example, .a.example", true},
          {"https://api.a.example", "*.a.example:443", true},
          {"https://A.example", "a.example", true},
          {"https://a.example", "*", true},
          {"https://ba.example", "a.example", false},
          {"https://a.example", ",", false},
          {"http://127.0.0.1:4000", "", true},
          {"http://localhost:4000", "", true},
          {"http://[::1]:4000", "", true}
        ] do
      assert proxy(url, Map.put(proxies, "no_proxy", no_proxy)) == {:ok, nil} == none?
    end
  end

  test "a variable that names no proxy is an error that shows no password" do
    for value <- ["socks5://u:secret@p:1", "https://u:secret@p", "http://", "http://u:secret@p:99999999 x"] do
      assert {:error, %Error{kind: :usage, message: message}} =
               proxy("https://a.example", %{"HTTPS_PROXY" => value})

      assert message =~ "HTTPS_PROXY"
      refute message =~ "secret"
    end
  end

  @tag :tmp_dir
  test "an https call goes through a tunnel, with the login of the proxy", %{tmp_dir: folder} do
    # OTP 27 accepts no certificate that is signed with SHA-1, which is the default.
    options = [key: {:namedCurve, :secp256r1}, digest: :sha256]
    name = {:Extension, {2, 5, 29, 17}, false, [dNSName: ~c"provider.test"]}

    %{server_config: server, client_config: client} =
      :public_key.pkix_test_data(%{
        server_chain: %{root: options, intermediates: [], peer: options ++ [extensions: [name]]},
        client_chain: %{root: options, intermediates: [], peer: options}
      })

    ca_file = Path.join(folder, "ca.pem")
    entries = for certificate <- client[:cacerts], do: {:Certificate, certificate, :not_encrypted}
    File.write!(ca_file, :public_key.pem_encode(entries))
    {:ok, listen} = :ssl.listen(0, [ip: {127, 0, 0, 1}, active: false, mode: :binary] ++ server)
    {:ok, {_, port}} = :ssl.sockname(listen)
    start_supervised!({Task, fn -> serve(listen) end}, id: :service)
    proxy_port = tunnel(port)
    System.put_env("HTTPS_PROXY", "http://user:pass%20word@127.0.0.1:#{proxy_port}")
    HTTP.start()

    assert HTTP.post_json("https://provider.test/v1", [{"x-api-key", "secret"}], %{}, 30_000, ca_file: ca_file) ==
             {:ok, %{"a" => 1}}

    assert_received {:proxied, head}
    assert head =~ "CONNECT provider.test:443 HTTP/1.1"

    assert String.downcase(head) =~
             "proxy-authorization: basic #{String.downcase(Base.encode64("user:pass word"))}"

    refute head =~ "secret"
  end

  test "a proxy that does not answer is an error of the provider, and this machine is called without it" do
    System.put_env("HTTPS_PROXY", "http://127.0.0.1:1")
    System.put_env("HTTP_PROXY", "http://127.0.0.1:1")
    HTTP.start()

    assert {:error, %Error{kind: :provider_unavailable}} =
             HTTP.post_json("http://provider.test/v1", [], %{}, 10_000)

    server = start_supervised!({ScriptedProvider, [{200, %{a: 1}}]})
    assert HTTP.post_json(ScriptedProvider.url(server), [], %{}, 10_000) == {:ok, %{"a" => 1}}
  end

  defp serve(listen) do
    {:ok, socket} = :ssl.transport_accept(listen)
    {:ok, socket} = :ssl.handshake(socket, 30_000)
    {:ok, "POST /v1" <> _} = :ssl.recv(socket, 0, 30_000)
    body = ~s({"a":1})
    :ok = :ssl.send(socket, "HTTP/1.1 200 OK\r\nContent-Length: #{byte_size(body)}\r\n\r\n#{body}")
    # The socket closes with this process. The client may still be reading.
    :ssl.recv(socket, 0, 30_000)
  end

  # Start a proxy that connects every host to this port, and sends the head of the request to the test. Return the proxy's port.
  defp tunnel(port) do
    test = self()
    options = [:binary, ip: {127, 0, 0, 1}, active: false]
    {:ok, listen} = :gen_tcp.listen(0, options)

    start_supervised!(
      {Task,
       fn ->
         {:ok, client} = :gen_tcp.accept(listen)
         {:ok, head} = :gen_tcp.recv(client, 0, 30_000)
         send(test, {:proxied, head})
         {:ok, service} = :gen_tcp.connect({127, 0, 0, 1}, port, options)
         :ok = :gen_tcp.send(client, "HTTP/1.1 200 Connection established\r\n\r\n")
         Enum.each([client, service], &:inet.setopts(&1, active: true))
         pass_on(client, service)
       end},
      id: :proxy
    )

    {:ok, {_, proxy_port}} = :inet.sockname(listen)
    proxy_port
  end

  defp pass_on(client, service) do
    receive do
      {:tcp, ^client, data} -> :gen_tcp.send(service, data) && pass_on(client, service)
      {:tcp, ^service, data} -> :gen_tcp.send(client, data) && pass_on(client, service)
      {:tcp_closed, _} -> :ok
    end
  end
end
