defmodule Pipeline.System.Signals do
  @moduledoc """
  Handles SIGTERM: ends the VM within 1.5 seconds, with exit status 143. Erlang's own handler would shut the VM down slowly and
  exit with 0, as if all work were done.

  Before the VM ends, writes under way are completed, and registered processes clean up. For example, they end the programs that
  they started.

  A command can install a function that does more at the first SIGTERM, as the server does. A second SIGTERM then ends the VM
  without waiting for this function.
  """

  @behaviour :gen_event

  # Shells report 128 plus the number of the signal.
  @terminated 143
  @max_wait_ms 1_500

  # The index of the atomic that becomes 1 when the VM is about to end.
  @ending 1

  @doc "Return the child specification of the registry of writes and of processes that clean up."
  @spec child_spec(term()) :: Supervisor.child_spec()
  def child_spec(_), do: Registry.child_spec(keys: :duplicate, name: __MODULE__)

  @doc "Handle SIGTERM instead of the VM. `on_term` is called in a new process and has to end with a call of `stop/1`."
  @spec install(mfa :: {module(), atom(), [term()]}) :: :ok
  def install(on_term \\ {__MODULE__, :stop, [@terminated]}) do
    :persistent_term.put(__MODULE__, :atomics.new(1, []))

    present =
      if __MODULE__ in :gen_event.which_handlers(:erl_signal_server),
        do: __MODULE__,
        else: :erl_signal_handler

    :ok = :gen_event.swap_handler(:erl_signal_server, {present, []}, {__MODULE__, on_term})
    # Until now, mix.exs has left SIGTERM to the operating system.
    :os.set_signal(:sigterm, :handle)
  end

  @doc "Return the exit status of a command that SIGTERM ended."
  @spec terminated() :: 143
  def terminated, do: @terminated

  @doc """
  Call `write` and return its result. SIGTERM does not interrupt it. Either the VM ends after the write, or the write does not
  begin.
  """
  @spec uninterrupted((() -> result)) :: result when result: term()
  def uninterrupted(write) do
    case :persistent_term.get(__MODULE__, nil) do
      nil -> write.()
      state -> registered_write(state, write)
    end
  end

  @doc "Return at once, or wait for the end if the VM is about to end. A command calls this before it prints its outcome."
  @spec wait_if_ending() :: :ok
  def wait_if_ending do
    with state when state != nil <- :persistent_term.get(__MODULE__, nil),
         1 <- :atomics.get(state, @ending) do
      Process.sleep(:infinity)
    else
      _ -> :ok
    end
  end

  @doc """
  Register the calling process, so that it can clean up before the VM ends. The process gets the message `:vm_ends`, and has to
  end when it has cleaned up.
  """
  @spec register_cleanup() :: :ok
  def register_cleanup do
    {:ok, _} = Registry.register(__MODULE__, :cleanups, nil)
    :ok
  end

  @doc "End the VM with this exit status, after writes under way and cleanups, but within 1.5 seconds."
  @spec stop(0..255) :: no_return()
  def stop(status) do
    deadline = System.monotonic_time(:millisecond) + @max_wait_ms

    with state when state != nil <- :persistent_term.get(__MODULE__, nil) do
      :atomics.put(state, @ending, 1)
      wait_for_writes(deadline)
    end

    wait_for_cleanups(deadline)

    # Do not flush the output: if nobody reads it, flushing would never end.
    :erlang.halt(status, flush: false)
  end

  @impl true
  def init({on_term, _}), do: {:ok, on_term}

  @impl true
  def handle_event(:sigterm, :ending), do: stop(@terminated)

  def handle_event(:sigterm, {module, function, arguments}) do
    spawn(module, function, arguments)
    {:ok, :ending}
  end

  def handle_event(signal, state) do
    :erl_signal_handler.handle_event(signal, [])
    {:ok, state}
  end

  @impl true
  def handle_call(_, state), do: {:ok, :ok, state}

  # Register the write first, and then check if the VM is about to end. `stop/1` marks the end first, and then looks for writes.
  # So at least one of the two sees the other. The registry removes a process that is killed.
  defp registered_write(state, write) do
    {:ok, _} = Registry.register(__MODULE__, :writes, nil)

    if :atomics.get(state, @ending) == 1 do
      Registry.unregister(__MODULE__, :writes)
      wait_if_ending()
    end

    try do
      write.()
    after
      Registry.unregister(__MODULE__, :writes)
    end
  end

  defp wait_for_cleanups(deadline) do
    monitors =
      for pid <- registered(:cleanups) do
        monitor = Process.monitor(pid)
        send(pid, :vm_ends)
        monitor
      end

    for monitor <- monitors do
      receive do
        {:DOWN, ^monitor, _, _, _} -> :ok
      after
        max(deadline - System.monotonic_time(:millisecond), 0) -> :late
      end
    end
  end

  defp wait_for_writes(deadline) do
    if Enum.any?(registered(:writes), &Process.alive?/1) and System.monotonic_time(:millisecond) < deadline do
      Process.sleep(5)
      wait_for_writes(deadline)
    end
  end

  # At the very start of a command the registry does not exist yet.
  defp registered(kind) do
    if Process.whereis(__MODULE__),
      do: for({pid, _} <- Registry.lookup(__MODULE__, kind), do: pid),
      else: []
  end
end
