defmodule Pipeline.Model.Answer do
  @moduledoc """
  What came of a step: its text, the decoded value where the step asked for JSON (else the text once more), and what
  it used.
  """

  alias Pipeline.Model.Usage

  @enforce_keys [:text, :value]
  defstruct [:text, :value, usage: %Usage{}]

  @type t :: %__MODULE__{text: String.t(), value: term(), usage: Usage.t()}
end
