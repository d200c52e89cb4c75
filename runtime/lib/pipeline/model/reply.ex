defmodule Pipeline.Model.Reply do
  @moduledoc """
  What a model said in one call: its text, the tools that it wants called, and what that used. `content` is the
  provider's own form of it, which the next call has to repeat as it was.
  """

  alias Pipeline.Model.Usage

  @enforce_keys [:text]
  defstruct [:text, :content, calls: [], usage: %Usage{calls: 1}]

  @type call :: %{id: String.t(), name: String.t(), input: term()}
  @type t :: %__MODULE__{text: String.t(), content: term(), calls: [call()], usage: Usage.t()}
end
