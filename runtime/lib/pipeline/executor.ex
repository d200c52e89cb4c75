defmodule Pipeline.Executor do
  @moduledoc """
  Executes the steps of a pipeline in order. A step sees the variables and the answers of all steps before it.

      {:ok, result} = Pipeline.Executor.execute_with_vars(pipeline, %{"user_prompt" => "Find the anti-patterns"})
      result.reply                # the last step's answer, as text
      result.answers["review"]    # the answer of the step named review

  Each step is a supervised task with a time limit. The limit is an hour if the step sets none. The steps of a parallel group
  run at the same time and do not see each other's answers.
  """

  alias Pipeline.{Error, Settings, Step}
  alias Pipeline.Executor.{Action, Preflight, Prompt, Result}
  alias Pipeline.Files.{Output, Workspace}
  alias Pipeline.Model.{Answer, Usage}
  alias Pipeline.Step.Condition
  alias Pipeline.System.SupervisedTask

  @default_timeout_ms :timer.hours(1)

  @doc """
  Execute the pipeline. `vars` has variables by name. By default, the settings come from the environment.

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
      Enum.reduce_while(pipeline.steps, {:ok, %Result{vars: vars}}, fn step, {:ok, result} ->
        case execute(step, result, settings, workspace) do
          {:ok, outcome} -> {:cont, {:ok, add({step, outcome}, result)}}
          {:error, %Error{} = error} -> {:halt, {:error, with_earlier_steps(error, result)}}
        end
      end)
    end
  end

  # Return the step's answer, or nil if the step was skipped, and a result with everything else that the step adds to the run.
  @spec execute(Step.t(), Result.t(), Settings.t(), Workspace.t() | nil) ::
          {:ok, {Answer.t() | nil, Result.t()}} | {:error, Error.t()}
  defp execute(step, scope, settings, workspace) do
    case evaluate_condition(step, scope) do
      {:ok, true} -> execute_action(step, scope, settings, workspace)
      {:ok, false} -> {:ok, {nil, %Result{steps: [report(step, :skipped, 0.0, %Usage{})]}}}
      {:error, error} -> {:error, error}
    end
  end

  defp evaluate_condition(%Step{condition: nil}, _), do: {:ok, true}

  defp evaluate_condition(step, scope),
    do: step |> run_task(fn -> {:ok, Condition.holds?(step.condition, scope)} end) |> elem(0)

  defp execute_action(%Step{action: {:parallel, steps, limit}} = group, scope, settings, workspace) do
    run_task(group, fn ->
      case SupervisedTask.each(steps, limit, &execute(&1, scope, settings, workspace)) do
        {:ok, outcomes} ->
          addition = steps |> Enum.zip(outcomes) |> Enum.reduce(%Result{}, &add/2)
          {:ok, {group_answer(addition), addition}}

        {:error, error, outcomes} ->
          {:error,
           outcomes
           |> Enum.reverse()
           |> Enum.reduce(error, fn {_, addition}, error -> with_earlier_steps(error, addition) end)}
      end
    end)
    |> elem(0)
  end

  defp execute_action(step, scope, settings, workspace) do
    # Copy only these values to the task.
    values = Map.take(scope, [:vars, :answers])
    {outcome, seconds} = run_task(step, fn -> Action.perform(step, values, settings, workspace) end)

    with {:ok, {answer, vars}} <- outcome,
         {:ok, files} <- write_output(step, answer, settings, seconds) do
      report = report(step, :done, seconds, answer.usage)
      {:ok, {answer, %Result{vars: vars, steps: [report], usage: answer.usage, files: files}}}
    end
  end

  # Do the work in a supervised task. Return its outcome and the seconds that it took. The error of a group already lists the
  # steps of the group. To any other error, add the step that failed.
  defp run_task(step, work) do
    start = System.monotonic_time(:microsecond)
    outcome = SupervisedTask.run("step #{step.name}", step.timeout || @default_timeout_ms, work)
    seconds = (System.monotonic_time(:microsecond) - start) / 1_000_000

    case outcome do
      {:error, %Error{steps: []} = error} -> {{:error, with_failed_step(error, step, seconds)}, seconds}
      outcome -> {outcome, seconds}
    end
  end

  defp with_failed_step(error, step, seconds),
    do: %{error | steps: [report(step, :failed, seconds, error.usage)]}

  # Add the steps that were executed before the error, and their usage.
  defp with_earlier_steps(error, %{steps: steps, usage: usage}),
    do: Error.after_usage(%{error | steps: steps ++ error.steps}, usage)

  # Add the outcome of a step to a result.
  defp add({step, {answer, %Result{} = addition}}, result) do
    answers = if answer, do: Map.put(addition.answers, step.name, answer), else: addition.answers

    %{
      result
      | reply: if(answer, do: answer.text, else: result.reply),
        answers: Map.merge(result.answers, answers),
        vars: Map.merge(result.vars, addition.vars),
        steps: result.steps ++ addition.steps,
        usage: Usage.add(result.usage, addition.usage),
        files: result.files ++ addition.files
    }
  end

  defp group_answer(result) do
    values = Map.new(result.answers, fn {name, answer} -> {name, answer.value} end)
    %Answer{text: Prompt.text(values), value: values, usage: result.usage}
  end

  defp report(step, status, seconds, usage),
    do: %{name: step.name, status: status, seconds: Float.round(seconds, 3), usage: usage}

  defp write_output(%Step{output_to_file: nil}, _, _, _), do: {:ok, []}

  defp write_output(%Step{output_to_file: file} = step, answer, settings, seconds) do
    path = Output.below(settings.output_dir, file)

    case Output.write_new(path, answer.text) do
      :ok -> {:ok, [path]}
      {:error, error} -> {:error, error |> Error.after_usage(answer.usage) |> with_failed_step(step, seconds)}
    end
  end
end
