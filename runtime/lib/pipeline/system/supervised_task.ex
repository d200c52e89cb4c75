defmodule Pipeline.System.SupervisedTask do
  @moduledoc """
  Runs functions as supervised tasks with a time limit. If a task crashes, is killed or exceeds the limit, the caller gets an
  error.

      SupervisedTask.run("step review", 60_000, fn -> {:ok, review()} end)

  A task ends when its caller ends. The values that a crashed function worked on, such as prompts and answers, appear in no log
  and no message.
  """

  alias Pipeline.Error

  @doc """
  Call `work` for each item in a task, for at most `limit` items at a time. Return the values in the order of the items.

  The first error ends all other tasks. It is returned with the values of the tasks that had ended before it.
  """
  @spec each([item], pos_integer(), (item -> {:ok, value} | {:error, Error.t()})) ::
          {:ok, [value]} | {:error, Error.t(), [value]}
        when item: term(), value: term()
  def each(items, limit, work) do
    items = Enum.with_index(items)
    {first, waiting} = Enum.split(items, limit)
    collect(Map.new(first, &start_item(&1, work)), waiting, work, %{})
  end

  defp collect(running, _, _, values) when running == %{},
    do: {:ok, in_order(values)}

  defp collect(running, waiting, work, values) do
    receive do
      {reference, {:ok, value}} when is_map_key(running, reference) ->
        Process.demonitor(reference, [:flush])
        {{index, _}, running} = Map.pop!(running, reference)
        {next, waiting} = Enum.split(waiting, 1)

        collect(
          Map.merge(running, Map.new(next, &start_item(&1, work))),
          waiting,
          work,
          Map.put(values, index, value)
        )

      {reference, {:error, error}} when is_map_key(running, reference) ->
        end_all(running)
        {:error, error, in_order(values)}

      {:DOWN, reference, :process, _, reason} when is_map_key(running, reference) ->
        end_all(running)
        {:error, crash_error("a step", reason), in_order(values)}
    end
  end

  defp in_order(values), do: values |> Enum.sort_by(&elem(&1, 0)) |> Enum.map(&elem(&1, 1))

  defp start_item({item, index}, work) do
    task = start(fn -> catch_crash("a step", fn -> work.(item) end) end)
    {task.ref, {index, task}}
  end

  defp end_all(running), do: for({_, {_, task}} <- running, do: Task.shutdown(task, :brutal_kill))

  @doc "Call `work` in a task and return its result. The messages of errors begin with `name`. `timeout` is in milliseconds."
  @spec run(String.t(), pos_integer(), (() -> {:ok, value} | {:error, Error.t()})) ::
          {:ok, value} | {:error, Error.t()}
        when value: term()
  def run(name, timeout, work) do
    task = start(fn -> catch_crash(name, work) end)

    case Task.yield(task, timeout) || Task.shutdown(task, :brutal_kill) do
      {:ok, result} -> result
      {:exit, reason} -> {:error, crash_error(name, reason)}
      nil -> {:error, Error.new(:timeout, "#{name} was not done within #{timeout} ms and was ended")}
    end
  end

  @doc "End all tasks that a process started, and all tasks that these tasks started. Return when none is left."
  @spec end_all_of(pid()) :: :ok
  def end_all_of(owner) do
    tasks = for pid <- Task.Supervisor.children(Pipeline.Steps), owner in callers(pid), do: pid

    for pid <- tasks do
      monitor = Process.monitor(pid)
      Process.exit(pid, :kill)
      receive do: ({:DOWN, ^monitor, _, _, _} -> :ok)
    end

    # One of these tasks may have started another task in the meantime. The next call finds it.
    if tasks == [], do: :ok, else: end_all_of(owner)
  end

  # Elixir's Task keeps the chain of callers in the process dictionary.
  defp callers(pid) do
    case Process.info(pid, :dictionary) do
      {:dictionary, dictionary} -> Keyword.get(dictionary, :"$callers", [])
      nil -> []
    end
  end

  defp start(work) do
    owner = self()

    Task.Supervisor.async_nolink(Pipeline.Steps, fn ->
      end_with(owner)
      work.()
    end)
  end

  # End the calling task when the owner ends. A link would do so too, but it would also let a crash of the task end the owner.
  defp end_with(owner) do
    task = self()

    spawn(fn ->
      owner_monitor = Process.monitor(owner)
      task_monitor = Process.monitor(task)

      receive do
        {:DOWN, ^owner_monitor, _, _, _} -> Process.exit(task, :kill)
        {:DOWN, ^task_monitor, _, _, _} -> :ok
      end
    end)
  end

  # Catch the crash inside the task. Otherwise OTP's crash report would show the arguments of the function.
  defp catch_crash(name, work) do
    work.()
  rescue
    exception -> {:error, crash_error(name, {exception, __STACKTRACE__})}
  catch
    kind, _ -> {:error, crash_error(name, {kind, __STACKTRACE__})}
  end

  defp crash_error(name, {%module{}, trace}), do: defect(name, inspect(module) <> location(trace))

  defp crash_error(name, {kind, trace}) when is_atom(kind) and is_list(trace),
    do: defect(name, "#{kind}#{location(trace)}")

  defp crash_error(name, reason) when is_atom(reason), do: defect(name, "ended by #{reason}")
  defp crash_error(name, _), do: defect(name, "ended by another process")

  defp defect(name, cause),
    do: Error.new(:crashed, "#{name} crashed, which is a defect of this runtime: #{cause}")

  defp location([{module, function, arguments, place} | _]) do
    arity = if is_list(arguments), do: length(arguments), else: arguments
    line = if place[:line], do: " (line #{place[:line]})", else: ""
    " in #{Exception.format_mfa(module, function, arity)}#{line}"
  end

  defp location(_), do: ""
end
