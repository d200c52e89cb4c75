defmodule Pipeline do
  @moduledoc """
  A pipeline as it was loaded from its file: named steps, in order. `Pipeline.Loader` makes it, `Pipeline.Executor`
  executes it.
  """

  alias Pipeline.Model.Ask
  alias Pipeline.Step
  alias Pipeline.Step.Condition

  @enforce_keys [:name, :steps, :file]
  defstruct [:name, :steps, :file, :output_dir, variables: %{}, warnings: []]

  @typedoc "`variables` has values for those that a run is not given; `output_dir` is where a run's files go by default."
  @type t :: %__MODULE__{
          name: String.t(),
          steps: [Step.t()],
          file: Path.t(),
          output_dir: Path.t() | nil,
          variables: %{String.t() => term()},
          warnings: [String.t()]
        }

  @doc "The inputs that some step takes, as `{name, required?}`."
  @spec inputs(t()) :: %{String.t() => boolean()}
  def inputs(%__MODULE__{steps: steps}) do
    for step <- all_steps(steps),
        {:input, name, optional?} <- parts(step),
        reduce: %{} do
      inputs -> Map.update(inputs, name, not optional?, &(&1 or not optional?))
    end
  end

  @doc "All steps, those of parallel groups after their group."
  @spec all_steps(t() | [Step.t()]) :: [Step.t()]
  def all_steps(%__MODULE__{steps: steps}), do: all_steps(steps)

  def all_steps(steps) do
    Enum.flat_map(steps, fn
      %Step{action: {:parallel, inner, _}} = group -> [group | inner]
      step -> [step]
    end)
  end

  @doc "The parts of the texts that a step needs."
  @spec parts(Step.t()) :: [Ask.part()]
  def parts(%Step{action: %Ask{prompt: parts}}), do: parts
  def parts(%Step{action: {:set_variable, values}}), do: Map.values(values)

  def parts(%Step{action: {:file_ops, _, fields}}),
    do: fields |> Map.values() |> Enum.filter(&is_list/1) |> Enum.concat()

  def parts(%Step{action: {:parallel, _, _}}), do: []

  @doc "The variables that some step takes, in a part or in its condition."
  @spec variables(t()) :: [String.t()]
  def variables(pipeline) do
    for step <- all_steps(pipeline),
        name <- Enum.flat_map(parts(step), &variable/1) ++ looked_at(step),
        uniq: true,
        do: name
  end

  defp variable({:variable, name}), do: [name]
  defp variable({:optional, part}), do: variable(part)
  defp variable(_), do: []

  defp looked_at(%Step{condition: nil}), do: []
  defp looked_at(%Step{condition: condition}), do: Condition.variables(condition)

  @doc "Whether some step reads or writes files of the run's workspace."
  @spec needs_workspace?(t()) :: boolean()
  def needs_workspace?(pipeline) do
    Enum.any?(all_steps(pipeline), fn
      %Step{action: %Ask{tools: tools, provider: provider}} -> tools != [] or provider == :claude_program
      %Step{action: action} -> match?({:file_ops, _, _}, action)
    end)
  end
end
