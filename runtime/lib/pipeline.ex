defmodule Pipeline do
  @moduledoc """
  A pipeline: named steps that are executed in order. `Pipeline.Loader` reads it from a file and `Pipeline.Executor`
  executes it.

      {:ok, pipeline} = Pipeline.Loader.load("plan.yaml")
      {:ok, result} = Pipeline.Executor.execute_with_vars(pipeline, %{"user_prompt" => "Find the anti-patterns"})
      result.reply
  """

  alias Pipeline.Model.Ask
  alias Pipeline.Step
  alias Pipeline.Step.Condition

  @enforce_keys [:name, :steps, :file]
  defstruct [:name, :steps, :file, :output_dir, variables: %{}, warnings: []]

  @typedoc """
  `file` is the path of the pipeline file. `variables` has the default values of variables, by name. `output_dir` is the folder
  below which each run gets its output folder, unless the command line names another folder. `warnings` are the messages about
  keys that have no effect.
  """
  @type t :: %__MODULE__{
          name: String.t(),
          steps: [Step.t()],
          file: Path.t(),
          output_dir: Path.t() | nil,
          variables: %{String.t() => term()},
          warnings: [String.t()]
        }

  @doc "Return the inputs that the steps take, by name. The value is true if a step requires the input."
  @spec inputs(t()) :: %{String.t() => boolean()}
  def inputs(%__MODULE__{steps: steps}) do
    for step <- all_steps(steps),
        {:input, name, optional?} <- parts(step),
        reduce: %{} do
      inputs -> Map.update(inputs, name, not optional?, &(&1 or not optional?))
    end
  end

  @doc "Return all steps in order. The steps of a parallel group follow their group."
  @spec all_steps(t() | [Step.t()]) :: [Step.t()]
  def all_steps(%__MODULE__{steps: steps}), do: all_steps(steps)

  def all_steps(steps) do
    Enum.flat_map(steps, fn
      %Step{action: {:parallel, inner, _}} = group -> [group | inner]
      step -> [step]
    end)
  end

  @doc "Return the parts from which a step takes its texts and values. A parallel group has no parts itself."
  @spec parts(Step.t()) :: [Ask.part() | {:value, term()}]
  def parts(%Step{action: %Ask{prompt: parts}}), do: parts
  def parts(%Step{action: {:set_variable, values}}), do: Map.values(values)

  def parts(%Step{action: {:file_ops, _, fields}}),
    do: fields |> Map.values() |> Enum.filter(&is_list/1) |> Enum.concat()

  def parts(%Step{action: {:parallel, _, _}}), do: []

  @doc "Return the names of the variables that steps use, in a part or in a condition."
  @spec variables(t()) :: [String.t()]
  def variables(pipeline) do
    for step <- all_steps(pipeline),
        name <- Enum.flat_map(parts(step), &variable/1) ++ condition_variables(step),
        uniq: true,
        do: name
  end

  defp variable({:variable, name}), do: [name]
  defp variable(_), do: []

  defp condition_variables(%Step{condition: nil}), do: []
  defp condition_variables(%Step{condition: condition}), do: Condition.variables(condition)

  @doc "Return true if a step may read or write files of the run's workspace."
  @spec needs_workspace?(t()) :: boolean()
  def needs_workspace?(pipeline) do
    Enum.any?(all_steps(pipeline), fn
      %Step{action: %Ask{tools: tools, provider: provider}} -> tools != [] or provider == :claude_program
      %Step{action: action} -> match?({:file_ops, _, _}, action)
    end)
  end
end
