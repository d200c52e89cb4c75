defmodule Pipeline.Model.Providers do
  @moduledoc "The model services by the name that a step has for them; each is a `Pipeline.Model.Provider`."

  alias Pipeline.Model.Ask
  alias Pipeline.Model.Provider.{Anthropic, ClaudeProgram, Gemini}

  @by_name %{anthropic: Anthropic, gemini: Gemini, claude_program: ClaudeProgram}

  @spec for_ask(Ask.t()) :: module()
  def for_ask(%Ask{provider: provider}), do: Map.fetch!(@by_name, provider)
end
