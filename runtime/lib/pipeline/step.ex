defmodule Pipeline.Step do
  @moduledoc """
  One step of a pipeline.

    * `name` - the name by which later steps refer to the answer
    * `at` - the place in the pipeline file, for messages: `steps[2]`, or `steps[2].parallel[0]`
    * `action` - the question to a model, or the work that the step does without a model
    * `condition` - the step is skipped if this condition does not hold. A step without a condition is never skipped
    * `output_to_file` - the file to which the answer is written, relative to the run's output folder
    * `timeout` - the step's time limit in milliseconds, or nil for the default
  """

  alias Pipeline.Model.Ask
  alias Pipeline.Step.Condition

  @enforce_keys [:name, :at, :action]
  defstruct [:name, :at, :action, :condition, :output_to_file, :timeout]

  @type action ::
          Ask.t()
          | {:parallel, [t()], limit :: pos_integer()}
          | {:file_ops, :read | :write | :edit | :list | :copy, %{atom() => Path.t() | [Ask.part()]}}
          | {:set_variable, %{String.t() => {:value, term()} | Ask.part()}}

  @type t :: %__MODULE__{
          name: String.t(),
          at: String.t(),
          action: action(),
          condition: Condition.t() | nil,
          output_to_file: Path.t() | nil,
          timeout: pos_integer() | nil
        }
end
