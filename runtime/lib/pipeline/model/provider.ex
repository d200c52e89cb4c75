defmodule Pipeline.Model.Provider do
  @moduledoc """
  A model service. A new service is a module with these callbacks, and a line in `Pipeline.Model.Providers`.
  """

  alias Pipeline.{Error, Settings}
  alias Pipeline.Model.{Ask, Catalogue, Certificates, Proxy, Reply, Request}

  # The longest wait for a list of models, and the most models in a message.
  @listing_timeout 10_000
  @longest_listing 12

  @doc """
  Ask the model for the next turn of the conversation: one call, no retries. If the step has a schema, the provider asks
  for the answer by its own means. The answer is then the input of a call of `Request.answer_tool/0`, or a text.
  """
  @callback complete(Request.t(), Settings.t()) :: {:ok, Reply.t()} | {:error, Error.t()}

  @doc "Check that the provider can be asked: its key, its program, its certificates. Called before any model is paid."
  @callback preflight(Settings.t()) :: :ok | {:error, Error.t()}

  @doc "Return the key from the settings, or an error that names the variables."
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

  @doc "Check that a provider over HTTP has a key, and certificates if its address begins with https."
  @spec http_preflight(Settings.provider(), Settings.t()) :: :ok | {:error, Error.t()}
  def http_preflight(provider, settings) do
    with {:ok, _} <- key(provider, settings),
         {:ok, _} <- Proxy.for_address(URI.parse(settings.base_urls[provider])),
         "https" <- URI.parse(settings.base_urls[provider]).scheme,
         {:ok, _} <- Certificates.trusted(settings.ca_file) do
      :ok
    else
      {:error, error} -> {:error, error}
      _scheme -> :ok
    end
  end

  @doc "Return the error for a reply without the documented shape. The provider failed and may succeed next time."
  @spec malformed(String.t()) :: {:error, Error.t()}
  def malformed(model),
    do:
      {:error, Error.new(:provider_unavailable, "#{model} answered in a shape that is not known here", :soon)}

  @doc """
  Add the provider's models to the error for an unknown model. `list` asks the provider for its models within so many
  milliseconds; a provider that does not answer leaves the current models that the runtime knows.
  """
  @spec name_models(
          {:ok, map()} | {:error, Error.t()},
          Ask.t(),
          Settings.t(),
          (pos_integer() -> {:ok, [String.t()]} | {:error, Error.t()})
        ) :: {:ok, map()} | {:error, Error.t()}
  def name_models({:error, %Error{kind: :unknown_model} = error}, ask, settings, list) do
    listed =
      case list.(min(settings.timeout, @listing_timeout)) do
        {:ok, [_ | _] = models} -> "; its provider lists #{models |> nearest(ask.model) |> Enum.join(", ")}"
        _ -> ""
      end

    current = Enum.join(Catalogue.current(ask.provider), ", ")

    message =
      "the model #{inspect(ask.model)} is not known (#{error.message}): expected a current model such as #{current}" <>
        "#{listed}; change the key model in the pipeline file"

    {:error, %{error | message: message}}
  end

  def name_models(answer, _, _, _), do: answer

  defp nearest(models, name) do
    models
    |> Enum.sort_by(&String.jaro_distance(&1, name), :desc)
    |> Enum.take(@longest_listing)
  end
end
