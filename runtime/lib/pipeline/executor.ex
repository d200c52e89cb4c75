defmodule Pipeline.Executor do
  @moduledoc """
  Executes the steps of a pipeline in order. A step sees the variables and the answers of all steps before it.

      {:ok, result} = Pipeline.Executor.execute_with_vars(pipeline, %{"user_prompt" => "Find the anti-patterns"})
      result.reply                # the last step's answer, as text
      result.answers["review"]    # the answer of the step named review

  Each step is a supervised task with a time limit: the step's own, or an hour. The steps of a parallel group run at the same
  time and do not see each other's answers.
  """

  alias Pipeline.{Error, Settings, Step}
  alias Pipeline.Executor.{Action, Preflight, Prompt, Result}
  alias Pipeline.Files.{Output, Workspace}
  alias Pipeline.Model.{Answer, Usage}
  alias Pipeline.Step.Condition
  alias Pipeline.System.SupervisedTask

  @timeout :timer.hours(1)

  @doc """
  Execute the pipeline with these variables, by name. By default, the settings come from the environment.

  Before a model is asked, `Pipeline.Executor.Preflight` checks everything that can be checked without one.
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
          {:ok, step_result} -> {:cont, {:ok, add({step, step_result}, result)}}
          {:error, %Error{} = error} -> {:halt, {:error, after_steps(error, result)}}
        end
      end)
    end
  end

  # Return the step's share of the run's result. Its reply is the step's answer, or nil if the step was skipped.
  defp execute(step, scope, settings, workspace) do
    case evaluate_condition(step, scope) do
      {:ok, true} -> execute_action(step, scope, settings, workspace)
      {:ok, false} -> {:ok, %{empty_result() | steps: [report(step, :skipped, 0, %Usage{})]}}
      {:error, error} -> {:error, error}
    end
  end

  defp evaluate_condition(%Step{condition: nil}, _), do: {:ok, true}

  defp evaluate_condition(step, scope),
    do: step |> run_task(fn -> {:ok, Condition.holds?(step.condition, scope)} end) |> elem(0)

  defp execute_action(%Step{action: {:parallel, steps, limit}} = group, scope, settings, workspace) do
    run_task(group, fn ->
      case SupervisedTask.each(steps, limit, &execute(&1, scope, settings, workspace)) do
        {:ok, results} ->
          {:ok, steps |> Enum.zip(results) |> Enum.reduce(empty_result(), &add/2) |> with_group_answer()}

        {:error, error, results} ->
          {:error, Enum.reduce(Enum.reverse(results), error, &after_steps(&2, &1))}
      end
    end)
    |> elem(0)
  end

  defp execute_action(step, scope, settings, workspace) do
    {outcome, seconds} = run_task(step, fn -> perform(step, scope, settings, workspace) end)

    with {:ok, {answer, vars}} <- outcome,
         {:ok, files} <- write_output(step, answer, settings, seconds) do
      report = report(step, :done, seconds, answer.usage)
      {:ok, %Result{reply: answer, vars: vars, steps: [report], usage: answer.usage, files: files}}
    end
  end

  # The error of a group already lists the steps of the group. To any other error, add the step that failed.
  defp run_task(step, work) do
    start = System.monotonic_time(:microsecond)
    outcome = SupervisedTask.run("step #{step.name}", step.timeout || @timeout, work)
    seconds = (System.monotonic_time(:microsecond) - start) / 1_000_000

    case outcome do
      {:error, %Error{steps: []} = error} -> {{:error, with_failed_step(error, step, seconds)}, seconds}
      outcome -> {outcome, seconds}
    end
  end

  defp with_failed_step(error, step, seconds),
    do: %{error | steps: [report(step, :failed, seconds, error.usage)]}

  defp after_steps(error, %{steps: steps, usage: usage}),
    do: Error.after_usage(%{error | steps: steps ++ error.steps}, usage)

  defp perform(step, scope, settings, workspace) do
    with {:ok, answer, vars} <- Action.perform(step, Map.take(scope, [:vars, :answers]), settings, workspace),
         do: {:ok, {answer, vars}}
  end

  defp empty_result, do: %Result{reply: nil}

  defp add({step, %Result{} = step_result}, result) do
    answers =
      if step_result.reply,
        do: Map.put(step_result.answers, step.name, step_result.reply),
        else: step_result.answers

    %{
      result
      | reply: if(step_result.reply, do: step_result.reply.text, else: result.reply),
        answers: Map.merge(result.answers, answers),
        vars: Map.merge(result.vars, step_result.vars),
        steps: result.steps ++ step_result.steps,
        usage: Usage.add(result.usage, step_result.usage),
        files: result.files ++ step_result.files
    }
  end

  defp with_group_answer(result) do
    values = Map.new(result.answers, fn {name, answer} -> {name, answer.value} end)
    %{result | reply: %Answer{text: Prompt.text(values), value: values, usage: result.usage}}
  end

  defp report(step, status, seconds, usage),
    do: %{name: step.name, status: status, seconds: Float.round(seconds / 1, 3), usage: usage}

  defp write_output(%Step{output_to_file: nil}, _, _, _), do: {:ok, []}

  defp write_output(%Step{output_to_file: file} = step, answer, settings, seconds) do
    path = Output.below(settings.output_dir, file)

    case Output.write_new(path, answer.text) do
      :ok -> {:ok, [path]}
      {:error, error} -> {:error, error |> Error.after_usage(answer.usage) |> with_failed_step(step, seconds)}
    end
  end
end
