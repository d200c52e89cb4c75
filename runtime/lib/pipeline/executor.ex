defmodule Pipeline.Executor do
  @moduledoc """
  Executes a pipeline's steps in order; each sees the variables and the answers of those before it. Every step is a
  supervised task with a time-out (an hour, unless it says another), and the steps of a parallel group run side by side.
  """

  alias Pipeline.{Error, Settings, Step}
  alias Pipeline.Executor.{Action, Preflight, Prompt, Result}
  alias Pipeline.Files.{Output, Workspace}
  alias Pipeline.Model.{Answer, Usage}
  alias Pipeline.Step.Condition
  alias Pipeline.System.SupervisedTask

  @timeout :timer.hours(1)

  @doc """
  Execute with `vars`, by name. The settings of the environment are used where none are given. All that can be known
  beforehand is checked before a model is asked.
  """
  @spec execute_with_vars(Pipeline.t(), %{String.t() => term()}, Settings.t(), Workspace.t() | nil) ::
          {:ok, Result.t()} | {:error, Error.t()}
  def execute_with_vars(
        %Pipeline{} = pipeline,
        vars,
        settings \\ Settings.from_environment(),
        workspace \\ nil
      ) do
    vars = Map.merge(pipeline.variables, vars)

    with :ok <- Preflight.check(pipeline, vars, settings, workspace) do
      start = %Result{reply: "", vars: vars}

      Enum.reduce_while(pipeline.steps, {:ok, start}, fn step, {:ok, result} ->
        case execute(step, result, settings, workspace) do
          {:ok, done} -> {:cont, {:ok, added({step, done}, result)}}
          {:error, %Error{} = error} -> {:halt, {:error, after_steps(error, result)}}
        end
      end)
    end
  end

  # What came of a step, as the part of a result that it is; nil where it was skipped.
  defp execute(step, scope, settings, workspace) do
    case holds(step, scope) do
      {:ok, true} -> do_step(step, scope, settings, workspace)
      {:ok, false} -> {:ok, %{nothing() | steps: [entry(step, :skipped, 0, %Usage{})]}}
      {:error, error} -> {:error, error}
    end
  end

  defp holds(%Step{condition: nil}, _), do: {:ok, true}

  defp holds(step, scope),
    do: step |> timed(fn -> {:ok, Condition.holds?(step.condition, scope)} end) |> elem(0)

  defp do_step(%Step{action: {:parallel, steps, limit}} = group, scope, settings, workspace) do
    timed(group, fn ->
      case SupervisedTask.each(steps, limit, &execute(&1, scope, settings, workspace)) do
        {:ok, parts} -> {:ok, steps |> Enum.zip(parts) |> Enum.reduce(nothing(), &added/2) |> grouped()}
        {:error, error, parts} -> {:error, Enum.reduce(Enum.reverse(parts), error, &after_steps(&2, &1))}
      end
    end)
    |> elem(0)
  end

  defp do_step(step, scope, settings, workspace) do
    {done, seconds} = timed(step, fn -> perform(step, scope, settings, workspace) end)

    with {:ok, {answer, set}} <- done,
         {:ok, files} <- keep(step, answer, settings, seconds) do
      entry = entry(step, :done, seconds, answer.usage)
      {:ok, %Result{reply: answer, vars: set, steps: [entry], usage: answer.usage, files: files}}
    end
  end

  # A group that failed tells by which of its steps; where no step is told of, it is this one.
  defp timed(step, work) do
    began = System.monotonic_time(:microsecond)
    done = SupervisedTask.run("step #{step.name}", step.timeout || @timeout, work)
    seconds = (System.monotonic_time(:microsecond) - began) / 1_000_000

    case done do
      {:error, %Error{steps: []} = error} -> {{:error, failed(error, step, seconds)}, seconds}
      done -> {done, seconds}
    end
  end

  defp failed(error, step, seconds), do: %{error | steps: [entry(step, :failed, seconds, error.usage)]}

  defp after_steps(error, %{steps: steps, usage: usage}),
    do: Error.after_usage(%{error | steps: steps ++ error.steps}, usage)

  defp perform(step, scope, settings, workspace) do
    with {:ok, answer, set} <- Action.perform(step, Map.take(scope, [:vars, :answers]), settings, workspace),
         do: {:ok, {answer, set}}
  end

  defp nothing, do: %Result{reply: nil}

  defp added({step, %Result{} = part}, result) do
    answers = if part.reply, do: Map.put(part.answers, step.name, part.reply), else: part.answers

    %{
      result
      | reply: if(part.reply, do: part.reply.text, else: result.reply),
        answers: Map.merge(result.answers, answers),
        vars: Map.merge(result.vars, part.vars),
        steps: result.steps ++ part.steps,
        usage: Usage.add(result.usage, part.usage),
        files: result.files ++ part.files
    }
  end

  defp grouped(all) do
    values = Map.new(all.answers, fn {name, answer} -> {name, answer.value} end)
    %{all | reply: %Answer{text: Prompt.text(values), value: values, usage: all.usage}}
  end

  defp entry(step, status, seconds, usage),
    do: %{name: step.name, status: status, seconds: Float.round(seconds / 1, 3), usage: usage}

  defp keep(%Step{output_to_file: nil}, _, _, _), do: {:ok, []}

  defp keep(%Step{output_to_file: file} = step, answer, settings, seconds) do
    path = Output.below(settings.output_dir, file)

    case Output.write_new(path, answer.text) do
      :ok -> {:ok, [path]}
      {:error, error} -> {:error, error |> Error.after_usage(answer.usage) |> failed(step, seconds)}
    end
  end
end
