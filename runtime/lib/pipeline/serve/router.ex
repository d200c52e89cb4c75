defmodule Pipeline.Serve.Router do
  @moduledoc """
  What is answered to a request. Every answer is JSON; an error is `{"error": {"kind": …, "message": …}}`.
  """

  alias Pipeline.Error
  alias Pipeline.Serve.{RunRequest, Runs, Token}
  alias Pipeline.Value.{JSON, Number}

  @type request :: %{
          method: String.t(),
          path: [String.t()],
          query: %{String.t() => String.t()},
          authorization: String.t(),
          body: (() -> {:ok, binary()} | {:error, too_large :: String.t()} | :malformed)
        }
  @type response :: {status :: pos_integer(), headers :: [{String.t(), String.t()}], json :: binary()}

  @longest_wait 60

  @spec answer(request(), Token.t()) :: response()
  def answer(%{path: ["health"]} = request, _),
    do: allowed(request, %{"GET" => fn -> {200, [], health()} end})

  def answer(request, token) do
    if authorized?(request.authorization, token) do
      routed(request)
    else
      message = "expected the header Authorization: Bearer TOKEN, with the token of this server"
      error(401, :authentication, message, [{"WWW-Authenticate", "Bearer"}])
    end
  end

  @doc "An error as every client of this server gets it."
  @spec error(pos_integer(), atom(), String.t(), [{String.t(), String.t()}]) :: response()
  def error(status, kind, message, headers \\ []),
    do: {status, headers, JSON.encode(%{error: %{kind: kind, message: message}})}

  defp routed(%{path: ["runs"]} = request), do: allowed(request, %{"POST" => fn -> create(request.body) end})

  defp routed(%{path: ["runs", id]} = request) do
    allowed(request, %{
      "GET" => fn -> await(id, request.query["wait"] || "0") end,
      "DELETE" => fn -> found(Runs.cancel(id)) end
    })
  end

  defp routed(_), do: error(404, :not_found, "there are /runs, /runs/ID and /health")

  defp allowed(%{method: method} = request, methods) do
    case methods do
      %{^method => answer} ->
        answer.()

      _ ->
        names = methods |> Map.keys() |> Enum.join(", ")

        error(405, :method_not_allowed, "#{Enum.join(["" | request.path], "/")} takes #{names}", [
          {"Allow", names}
        ])
    end
  end

  defp create(body) do
    with {:ok, text} <- body.(),
         {:ok, map} <- decode(text),
         {:ok, run_request} <- RunRequest.read(map) do
      started(Runs.start(run_request))
    else
      {:error, %Error{kind: kind, message: message}} -> error(422, kind, message)
      {:error, message} -> error(413, :too_large, message)
      :malformed -> error(400, :bad_request, "the body is no JSON object")
    end
  end

  defp started({:new, json}), do: {202, [], json}
  defp started({:known, json}), do: {200, [], json}

  defp started({:error, :full}),
    do: error(429, :full, "as many runs as are allowed at once are under way", [{"Retry-After", "1"}])

  defp started({:error, :draining}),
    do: error(503, :draining, "no new runs are taken: this server is about to end", [{"Retry-After", "5"}])

  defp started({:error, :conflict}),
    do: error(409, :conflict, "the key belongs to another order: choose a new one")

  defp await(id, wait) do
    case Number.parse(wait) do
      {:ok, seconds} when seconds >= 0 -> found(Runs.await(id, round(min(seconds, @longest_wait) * 1000)))
      _ -> error(400, :bad_request, "wait: expected seconds from 0, #{@longest_wait} at most")
    end
  end

  defp found({:ok, json}), do: {200, [], json}

  defp found(:error),
    do: error(404, :not_found, "no such run: it was never begun here, or ended long ago and was forgotten")

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
      [scheme, given] -> String.downcase(scheme, :ascii) == "bearer" and Token.matches?(token, given)
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
