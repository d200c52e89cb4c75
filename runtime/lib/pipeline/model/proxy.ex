defmodule Pipeline.Model.Proxy do
  @moduledoc """
  Chooses the proxy for calls of a provider. HTTPS_PROXY, HTTP_PROXY and ALL_PROXY name a proxy, and NO_PROXY names the hosts
  that are called without one. Most programs read these variables. Their names may also be in lower case.

  An address of this machine itself is never called through a proxy, because a proxy elsewhere cannot reach it.
  """

  alias Pipeline.Error

  @enforce_keys [:host, :port]
  defstruct [:host, :port, :login]

  @type t :: %__MODULE__{
          host: String.t(),
          port: pos_integer(),
          login: {user :: String.t(), password :: String.t()} | nil
        }
  @typedoc "Reads a variable of the environment."
  @type read :: (String.t() -> String.t() | nil)

  @loopback ~r/\A(localhost|127(\.\d{1,3}){3}|::1)\z/
  @variables %{"https" => ["HTTPS_PROXY", "ALL_PROXY"], "http" => ["HTTP_PROXY", "ALL_PROXY"]}

  @doc "Return the proxy for an address, nil if there is none, or an error for a variable that names no proxy."
  @spec for_address(URI.t(), read()) :: {:ok, t() | nil} | {:error, Error.t()}
  def for_address(%URI{scheme: scheme, host: host}, read \\ &System.get_env/1) do
    if host == nil or host =~ @loopback or no_proxy?(host, first_set(["NO_PROXY"], read)),
      do: {:ok, nil},
      else: for_scheme(scheme, read)
  end

  @doc "Return the proxy for all addresses with this scheme, `http` or `https`. NO_PROXY is ignored."
  @spec for_scheme(String.t() | nil, read()) :: {:ok, t() | nil} | {:error, Error.t()}
  def for_scheme(scheme, read \\ &System.get_env/1) do
    case first_set(Map.get(@variables, scheme, []), read) do
      nil -> {:ok, nil}
      {name, text} -> parse(name, text)
    end
  end

  # Return the first of these variables that has a value, with its name as it is spelled in the environment.
  defp first_set(names, read) do
    Enum.find_value(names, fn name ->
      Enum.find_value([name, String.downcase(name)], fn spelling ->
        text = String.trim(read.(spelling) || "")
        if text != "", do: {spelling, text}
      end)
    end)
  end

  defp no_proxy?(_, nil), do: false

  defp no_proxy?(host, {_, text}) do
    host = String.downcase(host)

    text
    |> String.downcase()
    |> String.split(",")
    |> Enum.map(&(&1 |> String.trim() |> String.replace(~r/\A\*?\.|:\d+\z/, "")))
    |> Enum.any?(&(&1 == "*" or (&1 != "" and (host == &1 or String.ends_with?(host, "." <> &1)))))
  end

  defp parse(name, text) do
    address = if text =~ "://", do: text, else: "http://" <> text

    case URI.new(address) do
      {:ok, %URI{scheme: "http", host: host, port: port} = uri} when host not in [nil, ""] and port > 0 ->
        {:ok, %__MODULE__{host: host, port: port, login: login(uri.userinfo)}}

      _ ->
        # The value is not shown, because it may hold a password.
        message =
          "#{name} names no proxy: expected an address such as http://proxy.example:3128, or no such variable"

        {:error, Error.new(:usage, message)}
    end
  end

  defp login(nil), do: nil

  defp login(userinfo) do
    [user | password] = userinfo |> String.split(":", parts: 2) |> Enum.map(&URI.decode/1)
    {user, List.first(password) || ""}
  end
end
