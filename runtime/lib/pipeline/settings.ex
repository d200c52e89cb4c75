defmodule Pipeline.Settings do
  @moduledoc """
  Reads the settings of a run from the environment. Keys are functions, so that no `inspect`, log or crash report shows a key.
  """

  alias Pipeline.Error

  defstruct [
    :keys,
    :base_urls,
    :timeout,
    :output_dir,
    :ca_file,
    seed: nil,
    inputs: %{},
    rehearsal?: false,
    retries: 3,
    retry_base: 500,
    path: ""
  ]

  @type provider :: :anthropic | :gemini
  @typedoc """
    * `keys` - functions that return a provider's key, or nil if there is none
    * `base_urls` - the addresses of the services, without a slash at the end
    * `timeout` - the time limit of one call of a provider, in milliseconds
    * `seed` - the seed for the providers that take one
    * `inputs` - the inputs of the pipeline by name: the path of a file, or a text
    * `output_dir` - the folder in which steps write files by `output_to_file`
    * `ca_file` - the file of CA certificates that are trusted instead of the operating system's
    * `rehearsal?` - true if scripted services are asked instead of the real ones
    * `retries` - how often a call is repeated if the provider fails
    * `retry_base` - the longest random wait before the first retry, in milliseconds
    * `path` - the folders in which the `claude` program is looked for, as in PATH
  """
  @type t :: %__MODULE__{
          keys: %{provider() => (() -> String.t() | nil)},
          base_urls: %{provider() => String.t()},
          timeout: pos_integer(),
          seed: non_neg_integer() | nil,
          inputs: %{String.t() => {:file, Path.t()} | {:text, String.t()}},
          output_dir: Path.t() | nil,
          ca_file: Path.t() | nil,
          rehearsal?: boolean(),
          retries: non_neg_integer(),
          retry_base: non_neg_integer(),
          path: String.t()
        }

  @day_ms :timer.hours(24)
  @variables %{anthropic: ["ANTHROPIC_API_KEY"], gemini: ["GEMINI_API_KEY", "GOOGLE_API_KEY"]}

  @doc """
  Read the settings from these variables:

    * the variables of the providers' keys (`variables/1`), which are read when a key is needed
    * PIPELINE_HTTP_TIMEOUT_MS - the time limit of one call of a provider; ten minutes by default
    * PIPELINE_RETRIES - how often a call is repeated if the provider fails; 3 by default
    * PIPELINE_RETRY_BASE_MS - the longest random wait before the first retry; 500 by default. It doubles with each retry
    * PATH - the folders in which the runtime looks for the `claude` program
    * ANTHROPIC_BASE_URL, GOOGLE_GEMINI_BASE_URL - the addresses of the services
    * SSL_CERT_FILE - a file of CA certificates to trust instead of the operating system's

  The options `seed`, `inputs` and `output_dir` are settings of the same name. Raises `Pipeline.Error` for a value that is not
  such a number or address.
  """
  @spec from_environment(keyword()) :: t()
  def from_environment(options \\ []) do
    %__MODULE__{
      keys: Map.new(@variables, fn {provider, names} -> {provider, fn -> first(names) end} end),
      base_urls: %{
        anthropic: base_url("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
        gemini: base_url("GOOGLE_GEMINI_BASE_URL", "https://generativelanguage.googleapis.com")
      },
      timeout: number("PIPELINE_HTTP_TIMEOUT_MS", 1..@day_ms, 600_000),
      retries: number("PIPELINE_RETRIES", 0..1_000, 3),
      retry_base: number("PIPELINE_RETRY_BASE_MS", 0..@day_ms, 500),
      path: System.get_env("PATH", ""),
      ca_file: non_empty("SSL_CERT_FILE"),
      seed: options[:seed],
      inputs: Keyword.get(options, :inputs, %{}),
      output_dir: options[:output_dir]
    }
  end

  @doc """
  Return the settings of a rehearsal. All services have the address `url`, and get a placeholder instead of a key.
  """
  @spec rehearsal(t(), String.t()) :: t()
  def rehearsal(settings, url) do
    url = String.trim_trailing(url, "/")
    no_key = fn -> "no-key-in-rehearsal" end

    %{
      settings
      | keys: Map.new(settings.keys, fn {provider, _} -> {provider, no_key} end),
        base_urls: Map.new(settings.base_urls, fn {provider, _} -> {provider, url} end),
        rehearsal?: true
    }
  end

  @doc "Return the names of the variables that may hold a provider's key."
  @spec variables(provider()) :: [String.t()]
  def variables(provider), do: Map.fetch!(@variables, provider)

  @doc """
  Return true if a text can be the address of a service. An address with a user name or password in it cannot, because messages
  show addresses.
  """
  @spec address?(String.t()) :: boolean()
  def address?(url) do
    case URI.new(url) do
      {:ok, %URI{scheme: scheme, host: host, userinfo: nil}} ->
        scheme in ["http", "https"] and host not in [nil, ""]

      _ ->
        false
    end
  end

  defp number(name, range, default) do
    text = non_empty(name) || Integer.to_string(default)

    with {number, ""} <- Integer.parse(text),
         true <- number in range do
      number
    else
      _ ->
        raise Error.new(
                :usage,
                "#{name}=#{text}: expected a whole number from #{range.first} to #{range.last}"
              )
    end
  end

  defp first(names), do: Enum.find_value(names, &non_empty/1)

  defp base_url(name, default) do
    url = String.trim_trailing(non_empty(name) || default, "/")

    if address?(url),
      do: url,
      else:
        raise(Error.new(:usage, "#{name}: expected an address such as #{default}, without a password in it"))
  end

  defp non_empty(name) do
    case System.get_env(name) do
      value when value in [nil, ""] -> nil
      value -> value
    end
  end
end
