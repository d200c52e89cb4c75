defmodule Pipeline.Model.Answer do
  @moduledoc """
  The answer of a step.

    * `text` - the answer as text
    * `value` - the decoded JSON if the step has a schema, otherwise the text
    * `usage` - the calls and tokens that the answer took
  """

  alias Pipeline.Model.Usage

  @enforce_keys [:text, :value]
  defstruct [:text, :value, usage: %Usage{}]

  @type t :: %__MODULE__{text: String.t(), value: term(), usage: Usage.t()}
end
