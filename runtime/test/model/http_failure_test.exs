defmodule Pipeline.Model.HTTPFailureTest do
  use ExUnit.Case, async: true

  import Pipeline.Answers, only: [names: 2, official_error: 2]

  alias Pipeline.Error
  alias Pipeline.Model.{HTTPFailure, Retry}

  defp error(status, body, headers \\ %{}) do
    body = if is_binary(body), do: body, else: body |> :jiffy.encode() |> IO.iodata_to_binary()
    HTTPFailure.error(%{status: status, headers: headers, body: body}, "host", ["secret"])
  end

  defp official(provider, name) do
    {status, body, headers} = official_error(provider, name)
    error(status, body, Map.new(headers))
  end

  # Return the body of Gemini's error for a used-up quota per minute, with this time to wait.
  defp quota(delay) do
    {429, body, []} = official_error("gemini", "per_minute")
    put_in(body, ["error", "details", Access.at(2), "retryDelay"], delay)
  end

  test "a wait is read from each place in which a provider names one, and the longest counts" do
    assert %Error{kind: :rate_limit, retry: 1_500} = official("gemini", "per_minute")
    assert %Error{kind: :rate_limit, retry: 1_000} = official("anthropic", "rate_limit_error")
    assert %Error{retry: 60_000} = error(429, quota("45s"), %{"retry-after" => "60"})
    assert %Error{retry: 2_119} = error(429, quota("2.118692462s"))
    assert %Error{retry: 1_500} = error(429, %{}, %{"retry-after-ms" => "1500"})
    assert %Error{retry: 500} = error(529, %{}, %{"retry-after" => "0.5"})
    date = Calendar.strftime(DateTime.add(DateTime.utc_now(), 30), "%a, %d %b %Y %H:%M:%S GMT")
    assert %Error{retry: wait} = error(503, %{}, %{"retry-after" => date})
    assert wait in 20_000..30_000

    for header <- ["-1", "soon", "", "Mon, 32 Foo 2026 00:00:00 GMT"],
        do: assert(%Error{retry: :soon} = error(429, %{}, %{"retry-after" => header}))

    for delay <- ["-1s", "45", "s", 5, nil],
        do: assert(%Error{retry: :soon} = error(429, quota(delay)))
  end

  test "the call is not repeated if the provider asks for more than a minute, and the error names both times" do
    call = fn -> {:error, error(429, %{}, %{"retry-after" => "61"})} end
    assert {:error, %Error{message: message}} = Retry.run(call, 3, 1)
    assert message =~ "(asks to wait 61 s; the runtime waits at most 60 s)"
  end

  # The kind of each error, and when to retry.
  @official %{
    "anthropic" => %{
      "api_error" => {:provider_unavailable, :soon},
      "authentication_error" => {:authentication, :never},
      "billing_error" => {:no_credit, :never},
      "contract_spend_limit_reached" => {:quota_exhausted, :never},
      "enforced_spend_limit_reached" => {:quota_exhausted, :never},
      "invalid_request_error" => {:bad_request, :never},
      "linked_organization_spend_limit_reached" => {:quota_exhausted, :never},
      "not_found_error" => {:unknown_model, :never},
      "organization_on_hold" => {:account_disabled, :never},
      "overloaded_error" => {:provider_unavailable, :soon},
      "permission_error" => {:authentication, :never},
      "ramp_limit_exceeded" => {:rate_limit, :soon},
      "rate_limit_error" => {:rate_limit, 1_000},
      "request_body_too_large_after_decoding" => {:context_window, :never},
      "timeout_error" => {:provider_unavailable, :soon}
    },
    "gemini" => %{
      "bad_request" => {:bad_request, :never},
      "internal" => {:provider_unavailable, :soon},
      "no_credit" => {:no_credit, :never},
      "per_day" => {:quota_exhausted, :never},
      "per_minute" => {:rate_limit, 1_500},
      "rejected_key" => {:authentication, :never},
      "suspended" => {:account_disabled, :never},
      "too_long" => {:context_window, :never},
      "unavailable" => {:provider_unavailable, :soon},
      "unknown_model" => {:unknown_model, :never}
    }
  }

  for provider <- ["anthropic", "gemini"] do
    test "every error of #{provider} has its kind" do
      kinds =
        for name <- names(unquote(provider), "errors"), into: %{} do
          error = official(unquote(provider), name)
          {name, {error.kind, error.retry}}
        end

      assert kinds == @official[unquote(provider)]
    end
  end

  for {name, status, sentence, kind} <- [
        {"exhausted credit of Anthropic", 400, "Your credit balance is too low to access", :no_credit},
        {"a monthly limit", 400, "You have reached your specified API usage limits.", :quota_exhausted},
        {"a disabled organization", 400, "This organization has been disabled.", :account_disabled},
        {"a service that is not enabled", 403,
         "Generative Language API has not been used in project 1 before or it is disabled.", :authentication},
        {"a long prompt of Claude", 400, "prompt is too long: 210000 tokens > 200000 maximum",
         :context_window},
        {"a large request", 413, "Request exceeds the maximum size", :context_window},
        {"a setting that the model refuses", 400, "`temperature` is deprecated for this model.", :bad_request}
      ] do
    test "#{name} is an error of its own kind, and the call is not repeated" do
      {unquote(status), body} = Pipeline.Answers.error_reply(unquote(status), unquote(sentence))
      assert %Error{kind: unquote(kind), retry: :never} = error(unquote(status), body)
    end
  end

  test "the error for a used-up daily quota names the quota" do
    assert %Error{kind: :quota_exhausted, message: message} = official("gemini", "per_day")
    assert message =~ "the daily quota GenerateRequestsPerDayPerProjectPerModel-FreeTier is used up"
  end

  test "a body of any shape is an error without a reason" do
    for body <- ["", "x", "[]", "null", ~s({"error": "x"}), ~s({"error": {"message": 5, "details": "x"}})],
        do: assert(%Error{message: "host answered 503: no reason given"} = error(503, body))
  end
end
