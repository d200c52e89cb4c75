defmodule Pipeline.Executor do
  @moduledoc """
  Executes a pipeline's steps in order; each sees the variables and the answers of those before it. Every step is a
  supervised task with a time-out (an hour, unless it says another), and the steps of a parallel group run side by side.
  """

  alias Pipeline.{Action, Answer, Condition, Error, Output, Prompt, Ready, Settings}
  alias Pipeline.{Step, Usage, Work, Workspace}

  @timeout :timer.hours(1)

  defmodule Result do
    @moduledoc """
    What an execution came to: the last step's answer as text, every step's answer by name, how each went, and what it
    used in all. A parallel group has an answer, the values of its steps by name; its steps stand in `steps`.
    """

    @enforce_keys [:reply]
    defstruct [:reply, answers: %{}, vars: %{}, steps: [], usage: %Usage{}, files: []]

    @type step :: %{name: String.t(), status: :done | :skipped, seconds: float(), usage: Usage.t()}
    @type t :: %__MODULE__{
            reply: String.t(),
            answers: %{String.t() => Answer.t()},
            vars: %{String.t() => term()},
            steps: [step()],
            usage: Usage.t(),
            files: [Path.t()]
          }
  end

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

    with :ok <- Ready.check(pipeline, vars, settings, workspace) do
      start = %Result{reply: "", vars: vars}

      Enum.reduce_while(pipeline.steps, {:ok, start}, fn step, {:ok, result} ->
        case execute(step, result, settings, workspace) do
          {:ok, done} -> {:cont, {:ok, added(result, step, done)}}
          {:error, %Error{} = error} -> {:halt, {:error, error}}
        end
      end)
    end
  end

  # What came of a step, as the part of a result that it is; nil where it was skipped.
  defp execute(step, scope, settings, workspace) do
    if step.condition == nil or Condition.holds?(step.condition, scope),
      do: do_step(step, scope, settings, workspace),
      else: {:ok, %Result{reply: nil, steps: [entry(step, :skipped, 0, %Usage{})]}}
  end

  defp do_step(%Step{action: {:parallel, steps, limit}} = group, scope, settings, workspace) do
    in_time(group, fn ->
      with {:ok, parts} <- Work.each(steps, limit, &execute(&1, scope, settings, workspace)) do
        {:ok,
         steps
         |> Enum.zip(parts)
         |> Enum.reduce(%Result{reply: nil}, fn {step, part}, all -> added(all, step, part) end)
         |> grouped()}
      end
    end)
  end

  defp do_step(step, scope, settings, workspace) do
    began = System.monotonic_time(:microsecond)

    with {:ok, {answer, set}} <- in_time(step, fn -> perform(step, scope, settings, workspace) end),
         {:ok, files} <- keep(step, answer, settings) do
      seconds = (System.monotonic_time(:microsecond) - began) / 1_000_000

      {:ok,
       %Result{
         reply: answer,
         vars: set,
         steps: [entry(step, :done, seconds, answer.usage)],
         usage: answer.usage,
         files: files
       }}
    end
  end

  defp perform(step, scope, settings, workspace) do
    with {:ok, answer, set} <- Action.perform(step, Map.take(scope, [:vars, :answers]), settings, workspace),
         do: {:ok, {answer, set}}
  end

  defp in_time(step, work), do: Work.run("step #{step.name}", step.timeout || @timeout, work)

  defp added(result, step, %Result{} = part) do
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

  defp keep(%Step{output_to_file: nil}, _, _), do: {:ok, []}

  defp keep(%Step{output_to_file: file}, answer, settings) do
    path = Output.below(settings.output_dir, file)
    with :ok <- Output.write_new(path, answer.text), do: {:ok, [path]}
  end
end
