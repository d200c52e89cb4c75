defmodule Pipeline.Serve.Router do
  @moduledoc """
  Answers requests. Every answer is JSON. `Pipeline.Serve` lists the requests, the errors and the HTTP statuses.
  """

  alias Pipeline.Error
  alias Pipeline.Serve.{RunRequest, Runs, Token}
  alias Pipeline.Value.{JSON, Number}

  @typedoc "A request. `path` has the names between the slashes. `body` reads the body of the request."
  @type request :: %{
          method: String.t(),
          path: [String.t()],
          query: %{String.t() => String.t()},
          authorization: String.t(),
          body: (() -> {:ok, binary()} | {:error, too_large :: String.t()} | :malformed)
        }
  @type response :: {status :: pos_integer(), headers :: [{String.t(), String.t()}], json :: binary()}

  @max_wait_seconds 60

  @doc "Return the response to a request. All requests except `/health` need the token."
  @spec answer(request(), Token.t()) :: response()
  def answer(%{path: ["health"]} = request, _),
    do: dispatch(request, %{"GET" => fn -> {200, [], health()} end})

  def answer(request, token) do
    if authorized?(request.authorization, token) do
      route(request)
    else
      message =
        "the token is missing or wrong: expected the header Authorization: Bearer TOKEN, with the token of this server"

      error(401, :authentication, message, [{"WWW-Authenticate", "Bearer"}])
    end
  end

  @doc "Return the response for an error."
  @spec error(pos_integer(), atom(), String.t(), [{String.t(), String.t()}]) :: response()
  def error(status, kind, message, headers \\ []),
    do: {status, headers, JSON.encode(%{error: %{kind: kind, message: message}})}

  defp route(%{path: ["runs"]} = request), do: dispatch(request, %{"POST" => fn -> create(request.body) end})

  defp route(%{path: ["runs", id]} = request) do
    dispatch(request, %{
      "GET" => fn -> await(id, request.query["wait"] || "0") end,
      "DELETE" => fn -> run_response(Runs.cancel(id)) end
    })
  end

  defp route(_),
    do: error(404, :not_found, "this address does not exist: expected /runs, /runs/ID or /health")

  defp dispatch(%{method: method} = request, methods) do
    case methods do
      %{^method => answer} ->
        answer.()

      _ ->
        names = methods |> Map.keys() |> Enum.join(", ")

        path = Enum.join(["" | request.path], "/")
        error(405, :method_not_allowed, "#{path} does not take #{method}: use #{names}", [{"Allow", names}])
    end
  end

  defp create(body) do
    with {:ok, text} <- body.(),
         {:ok, map} <- decode(text),
         {:ok, run_request} <- RunRequest.read(map) do
      start_response(Runs.start(run_request))
    else
      {:error, %Error{kind: kind, message: message}} -> error(422, kind, message)
      {:error, message} -> error(413, :too_large, message)
      :malformed -> error(400, :bad_request, "the body is not a JSON object")
    end
  end

  defp start_response({:new, json}), do: {202, [], json}
  defp start_response({:known, json}), do: {200, [], json}

  defp start_response({:error, :full}) do
    message = "the limit of runs at once is reached: try again when a run has ended"
    error(429, :full, message, [{"Retry-After", "1"}])
  end

  defp start_response({:error, :draining}) do
    message = "this server is about to end and takes no new runs: try again at the next server"
    error(503, :draining, message, [{"Retry-After", "5"}])
  end

  defp start_response({:error, :conflict}),
    do: error(409, :conflict, "the key belongs to a different request: choose a new key")

  defp await(id, wait) do
    case Number.parse(wait) do
      {:ok, seconds} when seconds >= 0 ->
        run_response(Runs.await(id, round(min(seconds, @max_wait_seconds) * 1000)))

      _ ->
        message =
          "wait=#{String.slice(wait, 0, 40)}: expected seconds from 0; at most #{@max_wait_seconds} are waited"

        error(400, :bad_request, message)
    end
  end

  defp run_response({:ok, json}), do: {200, [], json}

  defp run_response(:error),
    do:
      error(
        404,
        :not_found,
        "there is no such run: it was never started here, or it ended long ago and was removed"
      )

  defp health do
    settings = Pipeline.Settings.from_environment()

    JSON.encode(%{
      version: :pipeline |> Application.spec(:vsn) |> List.to_string(),
      providers: settings.base_urls,
      runs: Runs.load(),
      processes: length(Process.list()),
      memory: :erlang.memory(:total)
    })
  end

  defp authorized?(header, token) do
    case String.split(header, " ", parts: 2) do
      [scheme, text] -> String.downcase(scheme, :ascii) == "bearer" and Token.matches?(token, text)
      _ -> false
    end
  end

  defp decode(text) do
    case JSON.decode(text) do
      {:ok, map} when is_map(map) -> {:ok, map}
      _ -> :malformed
    end
  end
end
