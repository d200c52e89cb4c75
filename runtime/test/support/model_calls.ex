defmodule Pipeline.ModelCalls do
  @moduledoc "Asks a scripted provider, for tests of `Pipeline.Model`."

  import ExUnit.Callbacks, only: [start_supervised!: 1]

  alias Pipeline.{Model, ScriptedProvider, Settings}
  alias Pipeline.Files.Workspace
  alias Pipeline.Model.Ask

  @doc "Return the settings of a run whose providers are this server."
  def settings(server, changes) do
    key = fn -> "secret-key" end
    url = ScriptedProvider.url(server)

    struct!(
      %Settings{
        keys: %{anthropic: key, gemini: key},
        base_urls: %{anthropic: url, gemini: url},
        timeout: 10_000,
        retry_base: 1
      },
      changes
    )
  end

  @doc "Return an ask of Claude's."
  def claude_ask(changes),
    do: struct!(%Ask{provider: :anthropic, model: "claude-sonnet-4-5", prompt: []}, changes)

  @doc "Return an ask of Gemini's."
  def gemini_ask(changes),
    do: struct!(%Ask{provider: :gemini, model: "gemini-2.5-flash", prompt: []}, changes)

  @doc "Start a provider with a script, and return the answer to an ask with the provider."
  @spec answer(list, Ask.t(), Workspace.t() | nil, keyword) :: {tuple, pid}
  def answer(script, ask, workspace \\ nil, changes \\ []) do
    server = start_supervised!({ScriptedProvider, script})
    {Model.answer(ask, ["do it"], settings(server, changes), workspace), server}
  end

  @doc "Return the bodies of all requests to the provider, in order."
  def bodies(server), do: server |> ScriptedProvider.requests() |> Enum.map(& &1.body)
end
