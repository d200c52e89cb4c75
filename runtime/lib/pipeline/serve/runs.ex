defmodule Pipeline.Serve.Runs do
  @moduledoc """
  Who runs, who has ended and who waits for it. At most `limit` run at once; of those that have ended the newest
  thousand are kept, for ten minutes, so that the VM does not grow.
  """

  use GenServer

  alias Pipeline.Error
  alias Pipeline.Serve.{Run, RunRequest}

  @kept 1_000
  @kept_bytes 64_000_000
  @kept_ms 600_000
  @look_ms 30_000
  # A client that asks now and then does so within this time.
  @asked_again_ms 10_000

  defmodule Entry do
    @moduledoc false
    defstruct [:status, :json, :key, :digest, :task, :timer, :ended_at, waiting: [], read?: false]
  end

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

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    # Its heap is small, and orders pass through it: what it has dropped is not to be held.
    GenServer.start_link(__MODULE__, options[:limit], name: __MODULE__, spawn_opt: [fullsweep_after: 10])
  end

  @doc "Begin a run, or find the one that has its key. `:conflict`: the key belongs to another request."
  @spec start(RunRequest.t()) :: {:new | :known, json :: binary()} | {:error, :full | :draining | :conflict}
  def start(%RunRequest{} = run_request), do: GenServer.call(__MODULE__, {:start, run_request})

  @doc "What there is to say of a run, at its end, or after `wait` milliseconds."
  @spec await(String.t(), non_neg_integer()) :: {:ok, json :: binary()} | :error
  def await(id, wait), do: GenServer.call(__MODULE__, {:await, id, wait}, wait + 30_000)

  @doc "End a run. One that has ended stays what it is."
  @spec cancel(String.t()) :: {:ok, json :: binary()} | :error
  def cancel(id), do: GenServer.call(__MODULE__, {:cancel, id})

  @doc "Take no new runs."
  @spec drain() :: :ok
  def drain, do: GenServer.call(__MODULE__, :drain)

  @doc "End all that run; how many there were."
  @spec end_all() :: non_neg_integer()
  def end_all, do: GenServer.call(__MODULE__, :end_all)

  @doc "How many run and are kept; `unread` have ended since `drain/0`, or just before it, and nobody has asked yet."
  @spec load() :: load()
  def load, do: GenServer.call(__MODULE__, :load)

  @impl true
  def init(limit) do
    Process.send_after(self(), :look, @look_ms)
    {:ok, %__MODULE__{limit: limit}}
  end

  @impl true
  def handle_call({:start, run_request}, _, state) do
    case state.entries[run_request.key && state.keys[run_request.key]] do
      %Entry{digest: digest} when digest == run_request.digest ->
        told(state.keys[run_request.key], :known, state)

      %Entry{} ->
        {:reply, {:error, :conflict}, state}

      nil ->
        begin(run_request, state)
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
        told(id, :ok, state)
    end
  end

  def handle_call({:cancel, id}, _, state) do
    case state.entries[id] do
      nil ->
        {:reply, :error, state}

      %Entry{status: :running} = entry ->
        Run.stop(entry.task)
        told(id, :ok, ended(state, id, {:cancelled, Run.said(id, :cancelled)}))

      _ ->
        told(id, :ok, state)
    end
  end

  def handle_call(:drain, _, state), do: {:reply, :ok, %{state | drained_at: now()}}

  def handle_call(:end_all, _, state) do
    for {_, id} <- state.running, do: Run.stop(state.entries[id].task)
    {:reply, map_size(state.running), %{state | running: %{}}}
  end

  def handle_call(:load, _, state) do
    running = map_size(state.running)
    # Only asked for where it matters: it looks at every one that is kept.
    unread =
      if state.drained_at, do: Enum.count(state.entries, fn {_, entry} -> unread?(entry, state) end), else: 0

    kept = map_size(state.entries) - running
    {:reply, %{running: running, kept: kept, unread: unread, draining: state.drained_at != nil}, state}
  end

  @impl true
  def handle_info({ref, outcome}, state) when is_map_key(state.running, ref) do
    Process.demonitor(ref, [:flush])
    {:noreply, ended(state, state.running[ref], outcome)}
  end

  def handle_info({:DOWN, ref, :process, _, reason}, state) when is_map_key(state.running, ref) do
    id = state.running[ref]
    {:noreply, ended(state, id, Run.crashed(id, reason))}
  end

  def handle_info({:deadline, id}, state) do
    case state.entries[id] do
      %Entry{status: :running} = entry ->
        Run.stop(entry.task)
        error = Error.new(:timeout, "the run did not end within its time and was ended")
        {:noreply, ended(state, id, {:failed, Run.said(id, :failed, error)})}

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

  def handle_info(:look, state) do
    Process.send_after(self(), :look, @look_ms)
    {:noreply, forget(state), :hibernate}
  end

  def handle_info(_, state), do: {:noreply, state}

  defp begin(_, %{drained_at: at} = state) when at != nil, do: {:reply, {:error, :draining}, state}

  defp begin(_, %{running: running, limit: limit} = state) when map_size(running) >= limit,
    do: {:reply, {:error, :full}, state}

  defp begin(run_request, state) do
    id = 16 |> :crypto.strong_rand_bytes() |> Base.encode16(case: :lower)
    task = Run.start(id, run_request)
    timer = Process.send_after(self(), {:deadline, id}, run_request.timeout)
    json = Run.said(id, :running)

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

  defp ended(state, id, {status, json}) do
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

  # The oldest go first. As many as may run at once are always kept, so that a big one is there to be read.
  defp forget(state) do
    kept = :queue.len(state.ended)

    with {:value, {id, at, size}} <- :queue.peek(state.ended),
         true <- kept > @kept or (kept > state.limit and state.bytes > @kept_bytes) or old?(at) do
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

  defp old?(at), do: now() - at > @kept_ms
  defp put(state, id, entry), do: %{state | entries: Map.put(state.entries, id, entry)}
  defp now, do: System.monotonic_time(:millisecond)

  # Whoever is told of the end of a run has read it.
  defp told(id, how, state) do
    entry = state.entries[id]
    {:reply, {how, entry.json}, put(state, id, %{entry | read?: entry.status != :running})}
  end

  # Somebody may be about to ask again for one that ended just before; of one that ended long before, nobody will.
  defp unread?(%Entry{status: :running}, _), do: false
  defp unread?(%Entry{read?: true}, _), do: false
  defp unread?(entry, state), do: entry.ended_at >= min(state.drained_at, now() - @asked_again_ms)
end
