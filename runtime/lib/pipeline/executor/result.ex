defmodule Pipeline.Executor.Result do
  @moduledoc """
  What an execution came to: the last step's answer as text, every step's answer by name, how each went, and what it
  used in all. A parallel group has an answer, the values of its steps by name; its steps stand in `steps`.
  """

  alias Pipeline.Model.{Answer, Usage}
  alias Pipeline.UsageReport

  @enforce_keys [:reply]
  defstruct [:reply, answers: %{}, vars: %{}, steps: [], usage: %Usage{}, files: []]

  @type t :: %__MODULE__{
          reply: String.t(),
          answers: %{String.t() => Answer.t()},
          vars: %{String.t() => term()},
          steps: [UsageReport.step()],
          usage: Usage.t(),
          files: [Path.t()]
        }
end
