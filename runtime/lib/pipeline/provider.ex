defmodule Pipeline.Provider do
  @moduledoc "A model service. A new one is a module with this callback, and a line in `for_ask/1`."

  alias Pipeline.{Ask, Error, Settings}

  @doc "Send the texts as the parts of one user message; the whole reply, never blank, comes back."
  @callback complete(Ask.t(), [String.t()], Settings.t()) :: {:ok, String.t()} | {:error, Error.t()}

  @by_name %{anthropic: Pipeline.Provider.Anthropic, gemini: Pipeline.Provider.Gemini}

  @spec for_ask(Ask.t()) :: module()
  def for_ask(%Ask{provider: provider}), do: Map.fetch!(@by_name, provider)

  @doc "The key from the settings, or an error that names the variables."
  @spec key(Settings.provider(), Settings.t()) :: {:ok, String.t()} | {:error, Error.t()}
  def key(provider, settings) do
    case Map.fetch!(settings.keys, provider).() do
      nil ->
        names = Enum.join(Settings.variables(provider), " or ")
        {:error, Error.new(:authentication, "no key for #{provider}: #{names} is not set")}

      key ->
        {:ok, key}
    end
  end

  @doc "A reply without anything in it is no reply."
  @spec not_blank(String.t(), String.t()) :: {:ok, String.t()} | {:error, Error.t()}
  def not_blank(text, model) do
    if String.trim(text) == "",
      do: {:error, Error.new(:empty_reply, "#{model} answered nothing")},
      else: {:ok, text}
  end
end
