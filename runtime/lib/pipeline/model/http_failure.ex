defmodule Pipeline.Model.HTTPFailure do
  @moduledoc """
  Turns an HTTP response that is an error into a `Pipeline.Error`. The error says who has to change something, whether another
  try may help, and how long the provider asks to wait.
  """

  alias Pipeline.Error
  alias Pipeline.Model.NamedWait
  alias Pipeline.Value.JSON

  @max_reason_characters 500

  # Anthropic and Gemini report several failures with the same status. Only these words tell the failures apart.
  @no_credit ~r/credit balance is too low|billing_error|credits are depleted|BILLING_DISABLED/i
  @spending_limit ~r/reached your specified .{0,30}usage limits?|spend(ing)?[ _](limit|cap)/i
  @disabled ~r/\b(organization|account|consumer)\b.{0,80}\b(disabled|suspended|deactivated)\b|CONSUMER_SUSPENDED|organization_on_hold/i
  @rejected_key ~r/API_KEY_INVALID|api key (not valid|expired)/i
  @too_long ~r/prompt is too long|input token count.{0,40}exceeds|exceeds? the (model's )?context|request_(body_)?too_large/i

  @type response :: %{
          status: pos_integer(),
          headers: %{String.t() => String.t()},
          body: binary()
        }

  @doc "Return the error. `secrets` are left out of its message."
  @spec error(response(), host :: String.t(), secrets :: [String.t()]) :: Error.t()
  def error(%{status: status} = response, host, secrets) do
    failure = failure(response.body)
    {kind, retry} = kind(status, failure, NamedWait.of(response.headers, failure.details))
    reason = if failure.message, do: without_secrets(failure.message, secrets), else: "no reason given"
    Error.new(kind, "#{host} answered #{status}: #{reason}#{remark(kind, failure)}", retry)
  end

  # Return what the body says. Both providers put a sentence into error.message.
  defp failure(body) do
    error =
      case JSON.decode_foreign(body) do
        {:ok, %{"error" => %{} = error}} -> error
        {:ok, [%{"error" => %{} = error} | _]} -> error
        _ -> %{}
      end

    # Gemini sends a list of details, and Anthropic one object.
    details = error["details"] |> List.wrap() |> Enum.filter(&is_map/1)
    causes = Enum.flat_map(details, &[&1["reason"], &1["error_code"]])
    texts = [error["message"], error["type"], error["status"] | causes]

    %{
      message: if(is_binary(error["message"]), do: error["message"]),
      words: texts |> Enum.filter(&is_binary/1) |> Enum.join(" "),
      details: details,
      daily_quota: daily_quota(details)
    }
  end

  defp daily_quota(details) do
    names =
      for %{"violations" => violations} when is_list(violations) <- details,
          %{} = violation <- violations,
          name <- [violation["quotaId"], violation["quotaMetric"]],
          is_binary(name) and name =~ ~r/per_?day/i,
          do: name

    List.first(names)
  end

  defp kind(status, failure, wait) when status in 400..499 do
    cond do
      failure.daily_quota != nil or failure.words =~ @spending_limit -> {:quota_exhausted, :never}
      status == 402 or failure.words =~ @no_credit -> {:no_credit, :never}
      status == 429 -> {:rate_limit, wait}
      status == 408 -> {:timeout, wait}
      failure.words =~ @disabled -> {:account_disabled, :never}
      status in [401, 403] or failure.words =~ @rejected_key -> {:authentication, :never}
      status == 404 -> {:unknown_model, :never}
      status == 413 or failure.words =~ @too_long -> {:context_window, :never}
      true -> {:bad_request, :never}
    end
  end

  # The runtime does not follow a redirect, and another try would get the same redirect.
  defp kind(status, _, _) when status in 300..399, do: {:provider_unavailable, :never}
  defp kind(_, _, wait), do: {:provider_unavailable, wait}

  defp remark(:quota_exhausted, %{daily_quota: name}) when name != nil,
    do: " (the daily quota #{name} is used up)"

  defp remark(_, _), do: ""

  # Take out the keys before cutting the text. Otherwise the cut may leave a part of a key.
  defp without_secrets(text, secrets) do
    secrets
    |> Enum.reduce(text, &String.replace(&2, &1, "…"))
    |> String.slice(0, @max_reason_characters)
  end
end
