defmodule Pipeline.ServeCalls do
  @moduledoc "Starts `Pipeline.Serve` with a scripted provider, and sends requests to it over real HTTP."

  import ExUnit.Assertions
  import ExUnit.Callbacks

  alias Pipeline.{ScriptedProvider, Serve}
  alias Pipeline.Serve.Token

  @genesis File.read!(Pipeline.Generate.genesis())

  @doc "Set the environment variables that each run reads, and restore them when the test ends."
  @spec set_environment(map()) :: :ok
  def set_environment(_) do
    for name <- ["GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "PIPELINE_RETRIES"] do
      before = System.get_env(name)
      on_exit(fn -> if before, do: System.put_env(name, before), else: System.delete_env(name) end)
    end

    System.put_env("GEMINI_API_KEY", "secret-key")
    System.put_env("PIPELINE_RETRIES", "0")
    :ok
  end

  @doc "Start a server whose runs ask a scripted provider with these answers."
  @spec start_server([ScriptedProvider.answer()], keyword()) :: map()
  def start_server(answers, options \\ []) do
    provider = start_supervised!({ScriptedProvider, answers})
    System.put_env("GOOGLE_GEMINI_BASE_URL", ScriptedProvider.url(provider))
    token = Token.new("the token")

    options =
      options ++ [ip: {127, 0, 0, 1}, port: 0, token: token, limit: 64, open_requests: :counters.new(1, [])]

    start_supervised!(%{id: Serve, start: {__MODULE__, :start_and_tell, [options, self()]}, type: :supervisor})

    assert_receive {:port, port}
    %{url: "http://127.0.0.1:#{port}", port: port, provider: provider}
  end

  @doc false
  @spec start_and_tell(keyword(), pid()) :: {:ok, pid()}
  def start_and_tell(options, test) do
    {:ok, server, port} = Serve.start_link(options)
    send(test, {:port, port})
    {:ok, server}
  end

  @doc "Send a request. Return the status, the decoded body and the headers of the answer."
  @spec send_request(map(), atom(), String.t(), map() | binary() | nil, String.t() | nil) ::
          {pos_integer(), map(), map()}
  def send_request(server, method, path, body \\ nil, token \\ "the token") do
    url = to_charlist(server.url <> path)

    # Use a connection for each request. On a shared connection, httpc would let a request wait for the one before it.
    headers = [{~c"connection", ~c"close"}]
    headers = if token, do: [{~c"authorization", to_charlist("Bearer #{token}")} | headers], else: headers
    body = if is_map(body), do: body |> :jiffy.encode() |> IO.iodata_to_binary(), else: body
    request = if body, do: {url, headers, ~c"application/json", body}, else: {url, headers}
    {:ok, {{_, status, _}, headers, text}} = :httpc.request(method, request, [], body_format: :binary)
    {status, :jiffy.decode(text, [:return_maps]), Map.new(headers)}
  end

  @doc "Return the first lines of a `POST /runs`, for tests that write the other lines themselves."
  @spec run_request_head() :: binary()
  def run_request_head, do: "POST /runs HTTP/1.1\r\nAuthorization: Bearer the token\r\n"

  @doc "Send these bytes over a new connection and return the first bytes of the answer."
  @spec send_bytes(map(), iodata()) :: binary()
  def send_bytes(server, bytes) do
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, server.port, [:binary, active: false])
    :ok = :gen_tcp.send(socket, bytes)
    {:ok, answer} = :gen_tcp.recv(socket, 0, 30_000)
    :gen_tcp.close(socket)
    answer
  end

  @doc "Return the body of a valid `POST /runs`, with these changes."
  @spec run_request(map()) :: map()
  def run_request(changes \\ %{}), do: Map.merge(%{pipeline: @genesis, prompt: "Write {{a}} plan"}, changes)

  @doc "Start a run and return its id."
  @spec start_run(map(), map()) :: String.t()
  def start_run(server, changes \\ %{}) do
    assert {202, %{"id" => id, "status" => "running"}, _} =
             send_request(server, :post, "/runs", run_request(changes))

    id
  end

  @doc "Wait for the end of a run and return the run."
  @spec await_run(map(), String.t()) :: map()
  def await_run(server, id) do
    case send_request(server, :get, "/runs/#{id}?wait=10") do
      {200, %{"status" => "running"}, _} -> await_run(server, id)
      {200, run, _} -> run
    end
  end
end
