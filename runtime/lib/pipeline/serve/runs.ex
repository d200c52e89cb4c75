defmodule Pipeline.Serve.Runs do
  @moduledoc """
  Keeps the list of all runs, with their results and the clients that wait for them.

  At most `limit` runs are under way at once. A result is kept for ten minutes. To limit the memory of the VM, older results
  are removed earlier if there are more than a thousand, or if all results have more than 64,000,000 bytes. The newest `limit`
  results are not removed because of their size.
  """

  use GenServer

  alias Pipeline.Error
  alias Pipeline.Serve.{Run, RunRequest}

  @max_results 1_000
  @max_result_bytes 64_000_000
  @max_result_age_ms 600_000
  @cleanup_ms 30_000
  # A client that polls asks again within this time.
  @polling_ms 10_000

  defmodule Entry do
    @moduledoc false
    # `waiting` has the clients that wait for the end, each with its timer. `read?` is true once a client got the result.
    defstruct [:status, :json, :key, :digest, :task, :timer, :ended_at, waiting: [], read?: false]
  end

  # `keys` has the run id of each request key, `running` the run id of each task. `ended` is a queue of `{id, ended_at, size}`,
  # the oldest result first, and `bytes` is the sum of these sizes.

  defstruct [
    :limit,
    :drained_at,
    entries: %{},
    keys: %{},
    running: %{},
    ended: :queue.new(),
    bytes: 0
  ]

  @type load :: %{
          running: non_neg_integer(),
          kept: non_neg_integer(),
          unread: non_neg_integer(),
          draining: boolean()
        }

  @doc "Start the process. The option `limit` is the number of runs that may be under way at once."
  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    # The heap of this process is small, but large requests pass through it. Sweep often, so that they do not stay in memory.
    GenServer.start_link(__MODULE__, options[:limit], name: __MODULE__, spawn_opt: [fullsweep_after: 10])
  end

  @doc "Start a run, or return the run with the same key. `:conflict` means that the key belongs to a different request."
  @spec start(RunRequest.t()) :: {:new | :known, json :: binary()} | {:error, :full | :draining | :conflict}
  def start(%RunRequest{} = run_request), do: GenServer.call(__MODULE__, {:start, run_request})

  @doc "Wait for the end of a run, for at most `wait` milliseconds. Return the run as JSON."
  @spec await(String.t(), non_neg_integer()) :: {:ok, json :: binary()} | :error
  def await(id, wait), do: GenServer.call(__MODULE__, {:await, id, wait}, wait + 30_000)

  @doc "Cancel a run. A run that has ended does not change."
  @spec cancel(String.t()) :: {:ok, json :: binary()} | :error
  def cancel(id), do: GenServer.call(__MODULE__, {:cancel, id})

  @doc "Refuse new runs from now on."
  @spec drain() :: :ok
  def drain, do: GenServer.call(__MODULE__, :drain)

  @doc "End all runs that are under way. Return their number."
  @spec end_all() :: non_neg_integer()
  def end_all, do: GenServer.call(__MODULE__, :end_all)

  @doc """
  Return the numbers of runs under way and of results that are kept.

  After `drain/0`, `unread` is the number of runs that ended since then, or just before, and that no client has read yet.
  """
  @spec load() :: load()
  def load, do: GenServer.call(__MODULE__, :load)

  @impl true
  def init(limit) do
    Process.send_after(self(), :cleanup, @cleanup_ms)
    {:ok, %__MODULE__{limit: limit}}
  end

  @impl true
  def handle_call({:start, run_request}, _, state) do
    case state.entries[run_request.key && state.keys[run_request.key]] do
      %Entry{digest: digest} when digest == run_request.digest ->
        reply_with(state.keys[run_request.key], :known, state)

      %Entry{} ->
        {:reply, {:error, :conflict}, state}

      nil ->
        start_run(run_request, state)
    end
  end

  def handle_call({:await, id, wait}, from, state) do
    case state.entries[id] do
      nil ->
        {:reply, :error, state}

      %Entry{status: :running} = entry when wait > 0 ->
        timer = Process.send_after(self(), {:waited, id, from}, wait)
        {:noreply, put(state, id, %{entry | waiting: [{from, timer} | entry.waiting]})}

      _ ->
        reply_with(id, :ok, state)
    end
  end

  def handle_call({:cancel, id}, _, state) do
    case state.entries[id] do
      nil ->
        {:reply, :error, state}

      %Entry{status: :running} = entry ->
        Run.stop(entry.task)
        reply_with(id, :ok, finish(state, id, {:cancelled, Run.json(id, :cancelled)}))

      _ ->
        reply_with(id, :ok, state)
    end
  end

  def handle_call(:drain, _, state), do: {:reply, :ok, %{state | drained_at: now()}}

  def handle_call(:end_all, _, state) do
    for {_, id} <- state.running, do: Run.stop(state.entries[id].task)
    {:reply, map_size(state.running), %{state | running: %{}}}
  end

  def handle_call(:load, _, state) do
    running = map_size(state.running)
    # Count only while the server drains, because the count goes through all results.
    unread =
      if state.drained_at, do: Enum.count(state.entries, fn {_, entry} -> unread?(entry, state) end), else: 0

    kept = map_size(state.entries) - running
    {:reply, %{running: running, kept: kept, unread: unread, draining: state.drained_at != nil}, state}
  end

  @impl true
  def handle_info({ref, outcome}, state) when is_map_key(state.running, ref) do
    Process.demonitor(ref, [:flush])
    {:noreply, finish(state, state.running[ref], outcome)}
  end

  def handle_info({:DOWN, ref, :process, _, reason}, state) when is_map_key(state.running, ref) do
    id = state.running[ref]
    {:noreply, finish(state, id, Run.crashed(id, reason))}
  end

  def handle_info({:deadline, id}, state) do
    case state.entries[id] do
      %Entry{status: :running} = entry ->
        Run.stop(entry.task)
        error = Error.new(:timeout, "the run exceeded its time limit and was ended: raise timeout_ms")
        {:noreply, finish(state, id, {:failed, Run.json(id, :failed, error)})}

      _ ->
        {:noreply, state}
    end
  end

  def handle_info({:waited, id, from}, state) do
    with %Entry{status: :running, waiting: waiting} = entry <- state.entries[id],
         {{_, _}, rest} <- List.keytake(waiting, from, 0) do
      GenServer.reply(from, {:ok, entry.json})
      {:noreply, put(state, id, %{entry | waiting: rest})}
    else
      _ -> {:noreply, state}
    end
  end

  def handle_info(:cleanup, state) do
    Process.send_after(self(), :cleanup, @cleanup_ms)
    {:noreply, forget(state), :hibernate}
  end

  def handle_info(_, state), do: {:noreply, state}

  defp start_run(_, %{drained_at: time} = state) when time != nil, do: {:reply, {:error, :draining}, state}

  defp start_run(_, %{running: running, limit: limit} = state) when map_size(running) >= limit,
    do: {:reply, {:error, :full}, state}

  defp start_run(run_request, state) do
    id = 16 |> :crypto.strong_rand_bytes() |> Base.encode16(case: :lower)
    task = Run.start(id, run_request)
    timer = Process.send_after(self(), {:deadline, id}, run_request.timeout)
    json = Run.json(id, :running)

    entry = %Entry{
      status: :running,
      json: json,
      key: run_request.key,
      digest: run_request.digest,
      task: task,
      timer: timer
    }

    state = put(state, id, entry)
    state = %{state | running: Map.put(state.running, task.ref, id)}
    state = if run_request.key, do: %{state | keys: Map.put(state.keys, run_request.key, id)}, else: state
    {:reply, {:new, json}, state}
  end

  # Answer the clients that wait, and keep the result.
  defp finish(state, id, {status, json}) do
    entry = state.entries[id]
    Process.cancel_timer(entry.timer)

    for {from, timer} <- entry.waiting do
      Process.cancel_timer(timer)
      GenServer.reply(from, {:ok, json})
    end

    state = %{state | running: Map.delete(state.running, entry.task.ref)}
    entry = %{entry | status: status, json: json, task: nil, timer: nil, ended_at: now()}
    entry = %{entry | waiting: [], read?: entry.waiting != []}
    ended = :queue.in({id, entry.ended_at, byte_size(json)}, state.ended)
    forget(%{put(state, id, entry) | ended: ended, bytes: state.bytes + byte_size(json)})
  end

  # Remove the oldest results that exceed the limits. The newest `limit` results stay whatever their size, so that clients can
  # read large ones.
  defp forget(state) do
    count = :queue.len(state.ended)

    with {:value, {id, ended_at, size}} <- :queue.peek(state.ended),
         true <-
           count > @max_results or (count > state.limit and state.bytes > @max_result_bytes) or
             expired?(ended_at) do
      {entry, entries} = Map.pop!(state.entries, id)
      keys = if state.keys[entry.key] == id, do: Map.delete(state.keys, entry.key), else: state.keys

      forget(%{
        state
        | entries: entries,
          keys: keys,
          ended: :queue.drop(state.ended),
          bytes: state.bytes - size
      })
    else
      _ -> state
    end
  end

  defp expired?(ended_at), do: now() - ended_at > @max_result_age_ms
  defp put(state, id, entry), do: %{state | entries: Map.put(state.entries, id, entry)}
  defp now, do: System.monotonic_time(:millisecond)

  # A client that gets the result of a run has read it.
  defp reply_with(id, tag, state) do
    entry = state.entries[id]
    {:reply, {tag, entry.json}, put(state, id, %{entry | read?: entry.status != :running})}
  end

  # A client that polls may be about to ask for a run that ended just before the drain. Nobody will ask for older runs.
  defp unread?(%Entry{status: :running}, _), do: false
  defp unread?(%Entry{read?: true}, _), do: false
  defp unread?(entry, state), do: entry.ended_at >= min(state.drained_at, now() - @polling_ms)
end
