defmodule Pipeline.Serve.RunTable do
  @moduledoc """
  The state of `Pipeline.Serve.Runs`: all runs of a server, by id. A run is under way, or has ended with a result.

  A result is kept for ten minutes. To limit the memory of the VM, older results are removed earlier if there are more than a
  thousand, or if all results have more than 64,000,000 bytes. The newest `limit` results are not removed because of their
  size, so that clients can read large ones.

    * `limit` - how many runs may be under way at once
    * `drained_at` - when the server began to refuse new runs, or nil
    * `entries` - the `Pipeline.Serve.RunTable.Entry` of each run, by id
    * `keys` - the ids of the runs whose requests had a key, by this key
    * `running` - the ids of the runs under way, by the references of their tasks
    * `ended` - a queue of `{id, ended_at, size in bytes}` for the results, the oldest result first
    * `bytes` - the sum of these sizes

  All times are milliseconds of the monotonic clock.
  """

  defmodule Entry do
    @moduledoc """
    One run. `waiting` has the clients that wait for its end, each with its timer. `read?` is true once a client got the
    result. `json` is the run as clients get it.
    """

    @enforce_keys [:status, :json, :key, :digest, :task, :timer]
    defstruct [:status, :json, :key, :digest, :task, :timer, :ended_at, waiting: [], read?: false]

    @type t :: %__MODULE__{
            status: Pipeline.Serve.Run.status(),
            json: binary(),
            key: String.t() | nil,
            digest: binary(),
            task: Task.t() | nil,
            timer: reference() | nil,
            ended_at: integer() | nil,
            waiting: [{GenServer.from(), timer :: reference()}],
            read?: boolean()
          }
  end

  @max_results 1_000
  @max_result_bytes 64_000_000
  @max_result_age_ms 600_000
  # A client that polls asks again within this time.
  @polling_ms 10_000

  @enforce_keys [:limit]
  defstruct [:limit, :drained_at, entries: %{}, keys: %{}, running: %{}, ended: :queue.new(), bytes: 0]

  @type id :: String.t()
  @type t :: %__MODULE__{
          limit: pos_integer(),
          drained_at: integer() | nil,
          entries: %{id() => Entry.t()},
          keys: %{String.t() => id()},
          running: %{reference() => id()},
          ended: :queue.queue({id(), integer(), non_neg_integer()}),
          bytes: non_neg_integer()
        }
  @type load :: %{
          running: non_neg_integer(),
          kept: non_neg_integer(),
          unread: non_neg_integer(),
          draining: boolean()
        }

  @doc "Return the table of a new server. At most `limit` runs may be under way at once."
  @spec new(pos_integer()) :: t()
  def new(limit), do: %__MODULE__{limit: limit}

  @doc "Return the id and the entry of the run that a request with this key started, or nil."
  @spec find_by_key(t(), String.t() | nil) :: {id(), Entry.t()} | nil
  def find_by_key(_, nil), do: nil

  def find_by_key(table, key) do
    case table.keys do
      %{^key => id} -> {id, Map.fetch!(table.entries, id)}
      _ -> nil
    end
  end

  @doc "Return `:ok` if a new run may start, or the reason why it may not."
  @spec check_room(t()) :: :ok | {:error, :draining | :full}
  def check_room(%{drained_at: time}) when time != nil, do: {:error, :draining}
  def check_room(%{running: running, limit: limit}) when map_size(running) >= limit, do: {:error, :full}
  def check_room(_), do: :ok

  @doc "Add a run that is under way."
  @spec add(t(), id(), Entry.t()) :: t()
  def add(table, id, %Entry{} = entry) do
    keys = if entry.key, do: Map.put(table.keys, entry.key, id), else: table.keys
    put(%{table | keys: keys, running: Map.put(table.running, entry.task.ref, id)}, id, entry)
  end

  @doc "Replace the entry of a run."
  @spec put(t(), id(), Entry.t()) :: t()
  def put(table, id, entry), do: %{table | entries: Map.put(table.entries, id, entry)}

  @doc "Record the end of a run. The clients that waited for the end have got the result."
  @spec finish(t(), id(), Pipeline.Serve.Run.outcome()) :: t()
  def finish(table, id, {status, json}) do
    entry = table.entries[id]
    running = Map.delete(table.running, entry.task.ref)
    entry = %{entry | status: status, json: json, task: nil, timer: nil, ended_at: now()}
    entry = %{entry | waiting: [], read?: entry.waiting != []}
    ended = :queue.in({id, entry.ended_at, byte_size(json)}, table.ended)
    table = put(%{table | running: running}, id, entry)
    remove_old_results(%{table | ended: ended, bytes: table.bytes + byte_size(json)})
  end

  @doc "Remove the oldest results that exceed the limits."
  @spec remove_old_results(t()) :: t()
  def remove_old_results(table) do
    count = :queue.len(table.ended)

    with {:value, {id, ended_at, size}} <- :queue.peek(table.ended),
         true <-
           count > @max_results or (count > table.limit and table.bytes > @max_result_bytes) or
             expired?(ended_at) do
      {entry, entries} = Map.pop!(table.entries, id)
      keys = if table.keys[entry.key] == id, do: Map.delete(table.keys, entry.key), else: table.keys
      ended = :queue.drop(table.ended)
      remove_old_results(%{table | entries: entries, keys: keys, ended: ended, bytes: table.bytes - size})
    else
      _ -> table
    end
  end

  defp expired?(ended_at), do: now() - ended_at > @max_result_age_ms

  @doc """
  Return the numbers of runs under way and of results that are kept.

  While the server drains, `unread` is the number of results that a client may still ask for.
  """
  @spec load(t()) :: load()
  def load(table) do
    running = map_size(table.running)
    # Count only while the server drains, because the count goes through all results.
    unread =
      if table.drained_at, do: Enum.count(table.entries, fn {_, entry} -> unread?(entry, table) end), else: 0

    %{
      running: running,
      kept: map_size(table.entries) - running,
      unread: unread,
      draining: table.drained_at != nil
    }
  end

  # A client that polls may be about to ask for a run that ended just before the drain. Nobody will ask for older runs.
  defp unread?(%Entry{status: :running}, _), do: false
  defp unread?(%Entry{read?: true}, _), do: false
  defp unread?(entry, table), do: entry.ended_at >= min(table.drained_at, now() - @polling_ms)

  @doc "Refuse new runs from now on."
  @spec drain(t()) :: t()
  def drain(table), do: %{table | drained_at: now()}

  defp now, do: System.monotonic_time(:millisecond)
end
