defmodule Pipeline.Model.Provider do
  @moduledoc """
  A model service. A new one is a module with these callbacks, and a line in `Pipeline.Model.Providers`.
  """

  alias Pipeline.{Error, Settings}
  alias Pipeline.Model.{Reply, Request, Usage}

  @doc """
  Have the model say what comes next in the conversation: one call, no retries. Where the step has a schema, the answer is
  asked for by the provider's own means, and comes back as the input of a call of `Request.answer_tool/0`, or as a text.
  """
  @callback complete(Request.t(), Settings.t()) :: {:ok, Reply.t()} | {:error, Error.t()}

  @doc "Whether it can be asked at all: it has its key, or its program. Called before any model is paid."
  @callback preflight(Settings.t()) :: :ok | {:error, Error.t()}

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

  @doc "A reply that ends where the tokens did is no answer, but is paid."
  @spec cut_off(String.t(), Usage.t()) :: {:error, Error.t()}
  def cut_off(model, usage) do
    message = "#{model} was cut off at its limit of tokens: ask for less, or raise max_tokens"
    {:error, %{Error.new(:truncated, message) | usage: usage}}
  end

  @doc "The model, or its provider, gives no answer to this prompt."
  @spec blocked(String.t(), Usage.t()) :: {:error, Error.t()}
  def blocked(message, usage), do: {:error, %{Error.new(:blocked, message) | usage: usage}}

  @doc "A reply that has not the shape which the provider documents: it failed, and may do better."
  @spec malformed(String.t()) :: {:error, Error.t()}
  def malformed(model),
    do:
      {:error, Error.new(:provider_unavailable, "#{model} answered in a shape that is not known here", :soon)}
end
