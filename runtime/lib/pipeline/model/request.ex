defmodule Pipeline.Model.Request do
  @moduledoc """
  One call of a model: what the step asks, and the conversation so far, in turns.

    * `{:user, texts}` - what the model is told, each text a part of its own
    * `{:model, reply}` - what it said
    * `{:results, results}` - what came of the tools that it called
  """

  alias Pipeline.Files.Workspace
  alias Pipeline.Model.{Ask, Reply}

  @enforce_keys [:ask, :turns]
  defstruct [:ask, :turns, :workspace]

  @type result :: %{id: String.t(), status: :ok | :error, text: String.t()}
  @type turn :: {:user, [String.t()]} | {:model, Reply.t()} | {:results, [result()]}
  @type t :: %__MODULE__{ask: Ask.t(), turns: [turn()], workspace: Workspace.t() | nil}

  @doc "The name of the tool by which a model hands over an answer that has to fit a schema."
  @spec answer_tool() :: String.t()
  def answer_tool, do: "answer"
end
