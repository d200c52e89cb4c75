defmodule Pipeline.Step do
  @moduledoc """
  One step: what it does (`action`), whether it is done (`condition`), and what becomes of its answer.

  `at` is its place in the file, for messages: `steps[2]`, or `steps[2].parallel[0]`.
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
