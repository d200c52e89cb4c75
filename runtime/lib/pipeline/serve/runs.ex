defmodule Pipeline.Serve.Runs do
  @moduledoc """
  Starts, cancels and ends runs, and answers the clients that wait for them.

  `Pipeline.Serve.RunTable` is the state of this process. It decides how long results are kept.
  """

  use GenServer

  alias Pipeline.Error
  alias Pipeline.Serve.{Run, RunRequest, RunTable}
  alias Pipeline.Serve.RunTable.Entry

  @cleanup_ms 30_000

  @doc "Start the process. The option `limit` is the number of runs that may be under way at once."
  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    # The heap of this process is small, but large requests pass through it. Sweep often, so that they do not stay in memory.
    GenServer.start_link(__MODULE__, options[:limit], name: __MODULE__, spawn_opt: [fullsweep_after: 10])
  end

  @doc "Start a run, or return the run with the same key. `:conflict` means that the key belongs to a different request."
  @spec start(RunRequest.t()) :: {:new | :known, json :: binary()} | {:error, :full | :draining | :conflict}
  def start(%RunRequest{} = run_request), do: GenServer.call(__MODULE__, {:start, run_request})

  @doc "Wait for the end of a run, for at most `wait` milliseconds. Return the run as JSON, or `:error` if there is no such run."
  @spec await(String.t(), non_neg_integer()) :: {:ok, json :: binary()} | :error
  def await(id, wait), do: GenServer.call(__MODULE__, {:await, id, wait}, wait + 30_000)

  @doc "Cancel a run. A run that has ended does not change. Return the run as JSON, or `:error` if there is no such run."
  @spec cancel(String.t()) :: {:ok, json :: binary()} | :error
  def cancel(id), do: GenServer.call(__MODULE__, {:cancel, id})

  @doc "Refuse new runs from now on."
  @spec drain() :: :ok
  def drain, do: GenServer.call(__MODULE__, :drain)

  @doc "End all runs that are under way. Return their number."
  @spec end_all() :: non_neg_integer()
  def end_all, do: GenServer.call(__MODULE__, :end_all)

  @doc "Return the numbers of runs under way and of results that are kept (`Pipeline.Serve.RunTable.load/1`)."
  @spec load() :: RunTable.load()
  def load, do: GenServer.call(__MODULE__, :load)

  @impl true
  def init(limit) do
    Process.send_after(self(), :cleanup, @cleanup_ms)
    {:ok, RunTable.new(limit)}
  end

  @impl true
  def handle_call({:start, run_request}, _, table) do
    case RunTable.find_by_key(table, run_request.key) do
      {id, %Entry{digest: digest}} when digest == run_request.digest -> reply_with(id, :known, table)
      {_, %Entry{}} -> {:reply, {:error, :conflict}, table}
      nil -> start_run(run_request, table)
    end
  end

  def handle_call({:await, id, wait}, client, table) do
    case table.entries[id] do
      nil ->
        {:reply, :error, table}

      %Entry{status: :running} = entry when wait > 0 ->
        timer = Process.send_after(self(), {:waited, id, client}, wait)
        {:noreply, RunTable.put(table, id, %{entry | waiting: [{client, timer} | entry.waiting]})}

      _ ->
        reply_with(id, :ok, table)
    end
  end

  def handle_call({:cancel, id}, _, table) do
    case table.entries[id] do
      nil ->
        {:reply, :error, table}

      %Entry{status: :running} = entry ->
        Run.stop(entry.task)
        reply_with(id, :ok, finish(table, id, {:cancelled, Run.json(id, :cancelled)}))

      _ ->
        reply_with(id, :ok, table)
    end
  end

  def handle_call(:drain, _, table), do: {:reply, :ok, RunTable.drain(table)}

  def handle_call(:end_all, _, table) do
    for {_, id} <- table.running, do: Run.stop(table.entries[id].task)
    {:reply, map_size(table.running), %{table | running: %{}}}
  end

  def handle_call(:load, _, table), do: {:reply, RunTable.load(table), table}

  # The task of a run returns its outcome, or crashes.
  @impl true
  def handle_info({ref, outcome}, table) when is_map_key(table.running, ref) do
    Process.demonitor(ref, [:flush])
    {:noreply, finish(table, table.running[ref], outcome)}
  end

  def handle_info({:DOWN, ref, :process, _, reason}, table) when is_map_key(table.running, ref) do
    id = table.running[ref]
    {:noreply, finish(table, id, Run.crashed(id, reason))}
  end

  # The time limit of a run is over.
  def handle_info({:deadline, id}, table) do
    case table.entries[id] do
      %Entry{status: :running} = entry ->
        Run.stop(entry.task)
        error = Error.new(:timeout, "the run exceeded its time limit and was ended: raise timeout_ms")
        {:noreply, finish(table, id, {:failed, Run.json(id, :failed, error)})}

      _ ->
        {:noreply, table}
    end
  end

  # The wait of a client is over, and its run is still under way.
  def handle_info({:waited, id, client}, table) do
    with %Entry{status: :running, waiting: waiting} = entry <- table.entries[id],
         {{_, _}, rest} <- List.keytake(waiting, client, 0) do
      GenServer.reply(client, {:ok, entry.json})
      {:noreply, RunTable.put(table, id, %{entry | waiting: rest})}
    else
      _ -> {:noreply, table}
    end
  end

  def handle_info(:cleanup, table) do
    Process.send_after(self(), :cleanup, @cleanup_ms)
    {:noreply, RunTable.remove_old_results(table), :hibernate}
  end

  def handle_info(_, table), do: {:noreply, table}

  defp start_run(run_request, table) do
    with :ok <- RunTable.check_room(table) do
      id = 16 |> :crypto.strong_rand_bytes() |> Base.encode16(case: :lower)

      entry = %Entry{
        status: :running,
        json: Run.json(id, :running),
        key: run_request.key,
        digest: run_request.digest,
        task: Run.start(id, run_request),
        timer: Process.send_after(self(), {:deadline, id}, run_request.timeout)
      }

      {:reply, {:new, entry.json}, RunTable.add(table, id, entry)}
    else
      refusal -> {:reply, refusal, table}
    end
  end

  # Answer the clients that wait, and keep the result.
  defp finish(table, id, {_, json} = outcome) do
    entry = table.entries[id]
    Process.cancel_timer(entry.timer)

    for {client, timer} <- entry.waiting do
      Process.cancel_timer(timer)
      GenServer.reply(client, {:ok, json})
    end

    RunTable.finish(table, id, outcome)
  end

  # Reply with the run. A client that gets the result of a run has read it.
  defp reply_with(id, tag, table) do
    entry = table.entries[id]
    {:reply, {tag, entry.json}, RunTable.put(table, id, %{entry | read?: entry.status != :running})}
  end
end
