defmodule Pipeline.ModelCalls do
  @moduledoc "Calls `Pipeline.Model` with a scripted provider."

  import ExUnit.Callbacks, only: [start_supervised!: 1]

  alias Pipeline.{Error, Model, ScriptedProvider, Settings}
  alias Pipeline.Files.Workspace
  alias Pipeline.Model.{Answer, Ask}

  @doc "Return the settings of a run whose providers are this server."
  @spec settings(pid(), keyword()) :: Settings.t()
  def settings(server, changes) do
    ScriptedProvider.settings(server, [timeout: 10_000, retries: 3, retry_base: 1] ++ changes)
  end

  @doc "Return a question to Claude, with these changes."
  @spec claude_ask(keyword()) :: Ask.t()
  def claude_ask(changes),
    do: struct!(%Ask{provider: :anthropic, model: "claude-sonnet-4-5", prompt: []}, changes)

  @doc "Return a question to Gemini, with these changes."
  @spec gemini_ask(keyword()) :: Ask.t()
  def gemini_ask(changes),
    do: struct!(%Ask{provider: :gemini, model: "gemini-2.5-flash", prompt: []}, changes)

  @doc "Start a scripted provider and ask it. Return the outcome of `Pipeline.Model.answer/4`, and the provider."
  @spec answer([ScriptedProvider.answer()], Ask.t(), Workspace.t() | nil, keyword()) ::
          {{:ok, Answer.t()} | {:error, Error.t()}, pid()}
  def answer(script, ask, workspace \\ nil, changes \\ []) do
    server = start_supervised!({ScriptedProvider, script})
    {Model.answer(ask, ["do it"], settings(server, changes), workspace), server}
  end

  @doc "Return the bodies of all requests to the provider, in order."
  @spec bodies(pid()) :: [map() | nil]
  def bodies(server), do: server |> ScriptedProvider.requests() |> Enum.map(& &1.body)
end
