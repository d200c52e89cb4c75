defmodule Pipeline.Model.Reply do
  @moduledoc """
  One reply of a model: its text, the tools that it calls, and the tokens that it used.

  `content` is the reply in the provider's own form. The next call of the conversation has to repeat it unchanged.
  `paused?` is true if the model has not finished. It goes on when the conversation is sent again.
  """

  alias Pipeline.Model.Usage

  @enforce_keys [:text]
  defstruct [:text, :content, calls: [], paused?: false, usage: %Usage{}]

  @type call :: %{id: String.t(), name: String.t(), input: term()}
  @type t :: %__MODULE__{
          text: String.t(),
          content: term(),
          calls: [call()],
          paused?: boolean(),
          usage: Usage.t()
        }
end
