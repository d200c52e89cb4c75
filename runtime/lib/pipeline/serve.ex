defmodule Pipeline.Serve do
  @moduledoc """
  Executes pipelines for clients over HTTP, many at once in one VM.

  | request | answer |
  | --- | --- |
  | `POST /runs` | 202 and the new run, or 200 and the earlier run with the same `key`; see `Pipeline.Serve.RunRequest` |
  | `GET /runs/ID?wait=SECONDS` | the run, as soon as it has ended, or after this many seconds |
  | `DELETE /runs/ID` | the run, which is cancelled unless it has ended already |
  | `GET /health` | the version, the providers' addresses and the load. This request needs no token |

  All other requests need the header `Authorization: Bearer TOKEN`.

  ## Runs

  A run is an object with `id`, `status` and keys that depend on the status:

  | `status` | further keys |
  | --- | --- |
  | `running` | none |
  | `done` | `text`, `files`, `steps`, `usage`, `seconds`, `warnings` |
  | `failed` | `error`; and `steps`, `usage`, `seconds` if the run ended by itself |
  | `cancelled` | none |

  `text` is the plan, the last step's answer. `files` has the texts that steps wrote by `output_to_file`, by file name. `steps`
  has the `name`, `status`, `seconds` and `usage` of each step. `error` has a `kind` and a `message`.

  ## Errors

  An error is `{"error": {"kind": …, "message": …}}`, with one of these HTTP statuses:

  | status | cause |
  | --- | --- |
  | 400 | the body is not a JSON object, or a header or `wait` is malformed |
  | 401 | the token is missing or wrong |
  | 404, 405 | the address or the run does not exist, or the address does not take the method |
  | 408 | the body did not arrive within a minute |
  | 409 | the `key` belongs to a different request |
  | 413 | the body is over the limit |
  | 422 | the pipeline or a value cannot be used |
  | 429 with Retry-After | the limit of runs at once is reached |
  | 500 | the server crashed while it answered the request |
  | 503 with Retry-After | the server is about to end |
  """

  use Supervisor

  alias Pipeline.Error
  alias Pipeline.Serve.{Listener, Runs}

  @body_limit 64_000_000

  @doc """
  Start the server. Return its supervisor and its port.

  Options:

    * `ip`, `port` - the address to listen at; port 0 means any free port
    * `token` - the `t:Pipeline.Serve.Token.t/0` that clients have to send
    * `limit` - how many runs may be under way at once
    * `body_limit` - the largest body of a request, in bytes; 64,000,000 by default
    * `open_requests` - a counter of the requests that are being answered. The server counts in it
  """
  @spec start_link(keyword()) :: {:ok, pid(), :inet.port_number()} | {:error, Error.t()}
  def start_link(options) do
    case Supervisor.start_link(__MODULE__, options) do
      {:ok, server} ->
        {_, listener, _, _} = server |> Supervisor.which_children() |> List.keyfind(Listener, 0)
        {:ok, server, Listener.port(listener)}

      {:error, {:shutdown, {:failed_to_start_child, Listener, reason}}} ->
        address = "#{:inet.ntoa(options[:ip])}, port #{options[:port]}"
        cause = :inet.format_error(reason)
        {:error, Error.new(:usage, "cannot listen at #{address}: #{cause}; change --bind or --port")}
    end
  end

  @impl true
  def init(options) do
    options = Keyword.put_new(options, :body_limit, @body_limit)

    # If a child dies, do not restart it. The runs are lost, and a restarted listener may get another free port. The process
    # that started the VM has to start it again.
    children = [{Task.Supervisor, name: Pipeline.Runs}, {Runs, options}, {Listener, options}]
    Supervisor.init(children, strategy: :one_for_all, max_restarts: 0)
  end
end
