defmodule Pipeline.System.Signals do
  @moduledoc """
  What SIGTERM does. The VM's own handler shuts down in its own time and exits with 0, as if all were done: here it ends
  at once, with 143. Before that, what is being written is written to its end, and programs that were started are ended.

  A second SIGTERM does not wait for what the first began.
  """

  @behaviour :gen_event

  # 128 and the signal's number, as a shell tells it.
  @terminated 143
  @patience 1_500

  @ending 1

  @spec child_spec(term()) :: Supervisor.child_spec()
  def child_spec(_), do: Registry.child_spec(keys: :duplicate, name: __MODULE__)

  @doc "Take SIGTERM over from the VM: `on_term` is called in a process of its own, and has to end with `stop/1`."
  @spec install(mfa :: {module(), atom(), [term()]}) :: :ok
  def install(on_term \\ {__MODULE__, :stop, [@terminated]}) do
    :persistent_term.put(__MODULE__, :atomics.new(1, []))

    present =
      if __MODULE__ in :gen_event.which_handlers(:erl_signal_server),
        do: __MODULE__,
        else: :erl_signal_handler

    :ok = :gen_event.swap_handler(:erl_signal_server, {present, []}, {__MODULE__, on_term})
    # mix.exs has left it to the system until now.
    :os.set_signal(:sigterm, :handle)
  end

  @doc "The exit status of what was ended by SIGTERM."
  @spec terminated() :: 143
  def terminated, do: @terminated

  @doc "Call `write`, which no SIGTERM interrupts: it is ended before the VM is, or not begun."
  @spec uninterrupted((() -> result)) :: result when result: term()
  def uninterrupted(write) do
    case :persistent_term.get(__MODULE__, nil) do
      nil -> write.()
      counts -> listed(counts, write)
    end
  end

  @doc "Go on, unless the VM is about to end: what comes of a call then is not to be told."
  @spec wait_if_ending() :: :ok
  def wait_if_ending do
    with counts when counts != nil <- :persistent_term.get(__MODULE__, nil),
         1 <- :atomics.get(counts, @ending) do
      Process.sleep(:infinity)
    else
      _ -> :ok
    end
  end

  @doc """
  The calling process has something to clear away before the VM ends. It is sent `:vm_ends` then, and has to end when it
  has done so.
  """
  @spec clear_before_end() :: :ok
  def clear_before_end do
    {:ok, _} = Registry.register(__MODULE__, :clear_before_end, nil)
    :ok
  end

  @doc "End the VM with this exit status, as soon as nothing is being written and all is cleared away."
  @spec stop(0..255) :: no_return()
  def stop(status) do
    deadline = System.monotonic_time(:millisecond) + @patience

    with counts when counts != nil <- :persistent_term.get(__MODULE__, nil) do
      :atomics.put(counts, @ending, 1)
      wait(deadline)
    end

    wait_until_cleared(deadline)

    # Not flushed: a reader that does not read would hold it up.
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

  # Listed first and asked second: whoever ends asks in the other order, so that one of the two sees the other. The list
  # forgets a process that is killed in the middle.
  defp listed(counts, write) do
    {:ok, _} = Registry.register(__MODULE__, :writes, nil)

    if :atomics.get(counts, @ending) == 1 do
      Registry.unregister(__MODULE__, :writes)
      wait_if_ending()
    end

    try do
      write.()
    after
      Registry.unregister(__MODULE__, :writes)
    end
  end

  defp wait_until_cleared(deadline) do
    monitors =
      for pid <- registered(:clear_before_end) do
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

  defp wait(deadline) do
    if Enum.any?(registered(:writes), &Process.alive?/1) and System.monotonic_time(:millisecond) < deadline do
      Process.sleep(5)
      wait(deadline)
    end
  end

  # The list is not there yet where a command has only begun.
  defp registered(kind) do
    if Process.whereis(__MODULE__),
      do: for({pid, _} <- Registry.lookup(__MODULE__, kind), do: pid),
      else: []
  end
end
