defmodule Pipeline.Model.Answer do
  @moduledoc """
  The answer of a step: its text, its value, and what it used. The value is decoded JSON if the step has a schema, and the
  text otherwise.
  """

  alias Pipeline.Model.Usage

  @enforce_keys [:text, :value]
  defstruct [:text, :value, usage: %Usage{}]

  @type t :: %__MODULE__{text: String.t(), value: term(), usage: Usage.t()}
end
