defmodule Pipeline.Model.Request do
  @moduledoc """
  One call of a model: the question of the step, and the turns of the conversation until now. A turn is one of these:

    * `{:user, texts}` - texts for the model, each sent as a part of its own
    * `{:model, reply}` - a reply of the model
    * `{:results, results}` - the results of the tools that the model called
  """

  alias Pipeline.Files.Workspace
  alias Pipeline.Model.{Ask, Reply}

  @enforce_keys [:ask, :turns]
  defstruct [:ask, :turns, :workspace]

  @type result :: %{id: String.t(), status: :ok | :error, text: String.t()}
  @type turn :: {:user, [String.t()]} | {:model, Reply.t()} | {:results, [result()]}
  @type t :: %__MODULE__{ask: Ask.t(), turns: [turn()], workspace: Workspace.t() | nil}

  @doc "Return the name of the tool that a model calls to give an answer that has to fit a schema."
  @spec answer_tool() :: String.t()
  def answer_tool, do: "answer"
end
