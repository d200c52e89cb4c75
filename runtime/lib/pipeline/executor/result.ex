defmodule Pipeline.Executor.Result do
  @moduledoc """
  The result of an execution.

    * `reply` - the last step's answer, as text; empty if no step had an answer
    * `answers` - the answer of each step that was not skipped, by the step's name
    * `vars` - the variables at the end of the run
    * `steps` - the name, status, seconds and usage of each step, in order
    * `usage` - the calls and tokens that all steps used
    * `files` - the paths of the files that steps wrote by `output_to_file`

  The answer of a parallel group has the answers of the group's steps, by name. `steps` lists the steps of the group, but not
  the group itself.
  """

  alias Pipeline.Model.{Answer, Usage}
  alias Pipeline.UsageReport

  defstruct reply: "", answers: %{}, vars: %{}, steps: [], usage: %Usage{}, files: []

  @type t :: %__MODULE__{
          reply: String.t(),
          answers: %{String.t() => Answer.t()},
          vars: %{String.t() => term()},
          steps: [UsageReport.step()],
          usage: Usage.t(),
          files: [Path.t()]
        }
end
