defmodule Pipeline.Serve do
  @moduledoc """
  The warm runtime: many runs in one VM, over HTTP.

  | request | answer |
  | --- | --- |
  | `POST /runs` | 202 and the new run, or 200 and the one that has this `key`; see `Pipeline.Serve.RunRequest` |
  | `GET /runs/ID?wait=SECONDS` | the run, when it has ended or after so many seconds |
  | `DELETE /runs/ID` | the run, cancelled if it had not ended |
  | `GET /health` | version, addresses of the providers, load; the only one that needs no token |

  A run is `{"id", "status"}`; `status` is `running`, `done` (then with `text`, `files`, `steps`, `usage`,
  `seconds`, `warnings`), `failed` (with `error`, and with `steps` and `usage` where it began any) or `cancelled`. `files`
  has the texts that steps wrote by `output_to_file`, by name; `steps` has each one's `name`, `status`, `seconds` and
  `usage`. An error is `{"error": {"kind", "message"}}`: 400 for no JSON, 401 for no token, 404, 405, 409 for a key of
  another order, 413 for a body over the limit, 422 for a pipeline or a value that cannot be used, 429 and Retry-After past
  the limit of runs at once, 503 and Retry-After while it ends.
  """

  use Supervisor

  alias Pipeline.Error
  alias Pipeline.Serve.{Listener, Runs}

  @body_limit 64_000_000

  @doc """
  Serve. Options: `ip`, `port` (0: a free one), `token`, `limit` of runs at once, `body_limit` in bytes, and `busy`, a
  counter of the requests that are being answered. The port is returned.
  """
  @spec start_link(keyword()) :: {:ok, pid(), :inet.port_number()} | {:error, Error.t()}
  def start_link(options) do
    case Supervisor.start_link(__MODULE__, options) do
      {:ok, server} ->
        {_, listener, _, _} = server |> Supervisor.which_children() |> List.keyfind(Listener, 0)
        {:ok, server, Listener.port(listener)}

      {:error, {:shutdown, {:failed_to_start_child, Listener, reason}}} ->
        where = "#{:inet.ntoa(options[:ip])}, port #{options[:port]}"
        {:error, Error.new(:usage, "cannot listen at #{where}: #{:inet.format_error(reason)}")}
    end
  end

  @impl true
  def init(options) do
    options = Keyword.put_new(options, :body_limit, @body_limit)

    # What ran is lost with any of them, and a free port is another one the next time: whoever started the VM does it anew.
    children = [{Task.Supervisor, name: Pipeline.Runs}, {Runs, options}, {Listener, options}]
    Supervisor.init(children, strategy: :one_for_all, max_restarts: 0)
  end
end
