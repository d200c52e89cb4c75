defmodule Pipeline.Model.Provider do
  @moduledoc """
  A model service. To add a service, write a module with these callbacks, and name it in `Pipeline.Model.Providers`.
  """

  alias Pipeline.{Error, Settings}
  alias Pipeline.Model.{Ask, Catalogue, Certificates, Proxy, Reply, Request, Usage}

  # The time limit for a list of models, and how many of them a message names.
  @listing_timeout_ms 10_000
  @max_listed_models 12

  @doc """
  Call the model once for the next turn of the conversation, without retries.

  If the step has a schema, the reply has the answer either as the input of a call of `Request.answer_tool/0`, or as a text.
  """
  @callback complete(Request.t(), Settings.t()) :: {:ok, Reply.t()} | {:error, Error.t()}

  @doc "Check what a call needs, such as a key, a program or certificates. The runtime calls this before any model is paid."
  @callback preflight(Settings.t()) :: :ok | {:error, Error.t()}

  @doc "Return the provider's key, or an error that names the environment variables of the key."
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

  @doc "Check that a provider over HTTP has a key and a usable proxy, and CA certificates if its address begins with https."
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

  @doc "Return the error for a reply that does not have the documented shape. Another try may succeed."
  @spec malformed(String.t(), Usage.t()) :: {:error, Error.t()}
  def malformed(model, usage) do
    error = Error.new(:provider_unavailable, "#{model} answered in a shape that is not known here", :soon)
    {:error, %{error | usage: usage}}
  end

  @doc """
  Return the result of a call. If it is the error for an unknown model, add models that the user can choose instead.

  `list` asks the provider for its models. Its argument is the time limit in milliseconds. If it fails, the message names only
  the current models that the runtime knows.
  """
  @spec suggest_models(
          {:ok, map()} | {:error, Error.t()},
          Ask.t(),
          Settings.t(),
          (pos_integer() -> {:ok, [String.t()]} | {:error, Error.t()})
        ) :: {:ok, map()} | {:error, Error.t()}
  def suggest_models({:error, %Error{kind: :unknown_model} = error}, ask, settings, list) do
    listed =
      case list.(min(settings.timeout, @listing_timeout_ms)) do
        {:ok, [_ | _] = models} -> "; its provider lists #{models |> nearest(ask.model) |> Enum.join(", ")}"
        _ -> ""
      end

    current = Enum.join(Catalogue.current(ask.provider), ", ")

    message =
      "the model #{inspect(ask.model)} is not known (#{error.message}): expected a current model such as #{current}" <>
        "#{listed}; change the key model in the pipeline file"

    {:error, %{error | message: message}}
  end

  def suggest_models(result, _, _, _), do: result

  defp nearest(models, name) do
    models
    |> Enum.sort_by(&String.jaro_distance(&1, name), :desc)
    |> Enum.take(@max_listed_models)
  end
end
