defmodule Pipeline.Model.Providers do
  @moduledoc "Lists the modules that implement `Pipeline.Model.Provider`."

  alias Pipeline.Model.Ask
  alias Pipeline.Model.Provider.{Anthropic, ClaudeProgram, Gemini}

  @by_name %{anthropic: Anthropic, gemini: Gemini, claude_program: ClaudeProgram}

  @doc "Return the module that asks the provider of a step."
  @spec for_ask(Ask.t()) :: module()
  def for_ask(%Ask{provider: provider}), do: Map.fetch!(@by_name, provider)
end
