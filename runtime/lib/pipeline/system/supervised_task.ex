defmodule Pipeline.System.SupervisedTask do
  @moduledoc """
  Runs a function as a supervised task, with a time-out. Whatever becomes of it is a value for the caller: a crash, a
  time-out, a kill. It does not outlive the caller.

  What a crash had in its hands (prompts, answers) is in no log and no message.
  """

  alias Pipeline.Error

  @doc """
  Many at once, at most `limit`; their values in order, or the first error, which ends the others, and the values of those
  that were done before it.
  """
  @spec each([item], pos_integer(), (item -> {:ok, value} | {:error, Error.t()})) ::
          {:ok, [value]} | {:error, Error.t(), [value]}
        when item: term(), value: term()
  def each(items, limit, work) do
    items = Enum.with_index(items)
    {first, waiting} = Enum.split(items, limit)
    gather(Map.new(first, &started(&1, work)), waiting, work, %{})
  end

  defp gather(running, _, _, done) when running == %{},
    do: {:ok, in_order(done)}

  defp gather(running, waiting, work, done) do
    receive do
      {reference, {:ok, value}} when is_map_key(running, reference) ->
        Process.demonitor(reference, [:flush])
        {{index, _}, running} = Map.pop!(running, reference)
        {next, waiting} = Enum.split(waiting, 1)

        gather(
          Map.merge(running, Map.new(next, &started(&1, work))),
          waiting,
          work,
          Map.put(done, index, value)
        )

      {reference, {:error, error}} when is_map_key(running, reference) ->
        stop(running)
        {:error, error, in_order(done)}

      {:DOWN, reference, :process, _, reason} when is_map_key(running, reference) ->
        stop(running)
        {:error, crashed("a step", reason), in_order(done)}
    end
  end

  defp in_order(done), do: done |> Enum.sort_by(&elem(&1, 0)) |> Enum.map(&elem(&1, 1))

  defp started({item, index}, work) do
    task = start(fn -> caught("a step", fn -> work.(item) end) end)
    {task.ref, {index, task}}
  end

  defp stop(running), do: for({_, {_, task}} <- running, do: Task.shutdown(task, :brutal_kill))

  @doc "`name` is for the message of an error, `timeout` in milliseconds."
  @spec run(String.t(), pos_integer(), (() -> {:ok, value} | {:error, Error.t()})) ::
          {:ok, value} | {:error, Error.t()}
        when value: term()
  def run(name, timeout, work) do
    task = start(fn -> caught(name, work) end)

    case Task.yield(task, timeout) || Task.shutdown(task, :brutal_kill) do
      {:ok, result} -> result
      {:exit, reason} -> {:error, crashed(name, reason)}
      nil -> {:error, Error.new(:timeout, "#{name} was not done within #{timeout} ms")}
    end
  end

  @doc "End what a process began here, and what that began in its turn, and return when none of it is left."
  @spec end_all_of(pid()) :: :ok
  def end_all_of(owner) do
    tasks = for pid <- Task.Supervisor.children(Pipeline.Steps), owner in callers(pid), do: pid

    for pid <- tasks do
      monitor = Process.monitor(pid)
      Process.exit(pid, :kill)
      receive do: ({:DOWN, ^monitor, _, _, _} -> :ok)
    end

    # What one of them began meanwhile is found the next time.
    if tasks == [], do: :ok, else: end_all_of(owner)
  end

  # Task keeps there who began it, and who began that.
  defp callers(pid) do
    case Process.info(pid, :dictionary) do
      {:dictionary, kept} -> Keyword.get(kept, :"$callers", [])
      nil -> []
    end
  end

  defp start(work) do
    owner = self()

    Task.Supervisor.async_nolink(Pipeline.Steps, fn ->
      ends_with(owner)
      work.()
    end)
  end

  # A link would let a crash of the task reach the caller; without one, nothing would end it with the caller.
  defp ends_with(owner) do
    task = self()

    spawn(fn ->
      of_owner = Process.monitor(owner)
      of_task = Process.monitor(task)

      receive do
        {:DOWN, ^of_owner, _, _, _} -> Process.exit(task, :kill)
        {:DOWN, ^of_task, _, _, _} -> :ok
      end
    end)
  end

  # Caught in here, as OTP's crash report would show what the function was given.
  defp caught(name, work) do
    work.()
  rescue
    exception -> {:error, crashed(name, {exception, __STACKTRACE__})}
  catch
    kind, _ -> {:error, crashed(name, {kind, __STACKTRACE__})}
  end

  defp crashed(name, {%module{}, trace}), do: crash(name, inspect(module) <> at(trace))

  defp crashed(name, {kind, trace}) when is_atom(kind) and is_list(trace),
    do: crash(name, "#{kind}#{at(trace)}")

  defp crashed(name, reason) when is_atom(reason), do: crash(name, "ended by #{reason}")
  defp crashed(name, _), do: crash(name, "ended by another process")

  defp crash(name, what),
    do: Error.new(:crashed, "#{name} crashed, which is a defect of this runtime: #{what}")

  defp at([{module, function, arguments, place} | _]) do
    arity = if is_list(arguments), do: length(arguments), else: arguments
    line = if place[:line], do: " (line #{place[:line]})", else: ""
    " in #{Exception.format_mfa(module, function, arity)}#{line}"
  end

  defp at(_), do: ""
end
