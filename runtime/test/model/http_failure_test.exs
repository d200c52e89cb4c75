defmodule Pipeline.Model.HTTPFailureTest do
  use ExUnit.Case, async: true

  alias Pipeline.Error
  alias Pipeline.Model.{HTTPFailure, Retry}

  defp error(status, body, headers \\ %{}) do
    body = if is_binary(body), do: body, else: body |> :jiffy.encode() |> IO.iodata_to_binary()
    HTTPFailure.error(%{status: status, headers: headers, body: body}, "host", ["secret"])
  end

  defp quota(id, delay) do
    %{
      error: %{
        code: 429,
        message: "You exceeded your current quota, please check your plan and billing details.",
        status: "RESOURCE_EXHAUSTED",
        details: [
          %{"@type" => "type.googleapis.com/google.rpc.Help"},
          %{
            "@type" => "type.googleapis.com/google.rpc.QuotaFailure",
            violations: [%{quotaId: id, quotaValue: "10"}]
          },
          %{"@type" => "type.googleapis.com/google.rpc.RetryInfo", retryDelay: delay}
        ]
      }
    }
  end

  test "a wait is read from each place in which a provider names one, and the longest counts" do
    per_minute = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
    assert %Error{kind: :rate_limit, again: 45_800} = error(429, quota(per_minute, "45.8s"))
    assert %Error{again: 60_000} = error(429, quota(per_minute, "45s"), %{"retry-after" => "60"})
    assert %Error{again: 2_119} = error(429, quota(per_minute, "2.118692462s"))
    assert %Error{again: 1_500} = error(429, %{}, %{"retry-after-ms" => "1500"})
    assert %Error{again: 500} = error(529, %{}, %{"retry-after" => "0.5"})
    date = Calendar.strftime(DateTime.add(DateTime.utc_now(), 30), "%a, %d %b %Y %H:%M:%S GMT")
    assert %Error{again: wait} = error(503, %{}, %{"retry-after" => date})
    assert wait in 20_000..30_000

    for header <- ["-1", "soon", "", "Mon, 32 Foo 2026 00:00:00 GMT"],
        do: assert(%Error{again: :soon} = error(429, %{}, %{"retry-after" => header}))

    for delay <- ["-1s", "45", "s", 5, nil],
        do: assert(%Error{again: :soon} = error(429, quota(per_minute, delay)))
  end

  test "a wait of more than a minute is not waited for, and the error names both" do
    call = fn -> {:error, error(429, %{}, %{"retry-after" => "61"})} end
    assert {:error, %Error{message: message}} = Retry.run(call, 3, 1)
    assert message =~ "(asks to wait 61 s; the runtime waits at most 60 s)"
  end

  for {name, status, body, kind} <- [
        {"exhausted credit of Anthropic", 400,
         %{error: %{message: "Your credit balance is too low to access"}}, :no_credit},
        {"exhausted credit by type", 403, %{error: %{type: "billing_error", message: "x"}}, :no_credit},
        {"a demand for payment", 402, %{}, :no_credit},
        {"exhausted credit of Gemini", 429, %{error: %{message: "Your prepayment credits are depleted."}},
         :no_credit},
        {"a monthly limit", 400, %{error: %{message: "You have reached your specified API usage limits."}},
         :quota_exhausted},
        {"a disabled organization", 400, %{error: %{message: "This organization has been disabled."}},
         :account_disabled},
        {"a suspended consumer", 403, %{error: %{message: "x", details: [%{reason: "CONSUMER_SUSPENDED"}]}},
         :account_disabled},
        {"a rejected key of Gemini", 400, %{error: %{message: "API key not valid."}}, :authentication},
        {"a rejected key of Anthropic", 401, %{error: %{message: "invalid x-api-key"}}, :authentication},
        {"a service that is not enabled", 403,
         %{
           error: %{
             message: "Generative Language API has not been used in project 1 before or it is disabled."
           }
         }, :authentication},
        {"a long prompt of Claude", 400,
         %{error: %{message: "prompt is too long: 210000 tokens > 200000 maximum"}}, :context_window},
        {"a long prompt of Gemini", 400,
         %{
           error: %{
             message:
               "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
           }
         }, :context_window},
        {"a large request", 413, %{error: %{type: "request_too_large", message: "x"}}, :context_window},
        {"an unknown model", 404, %{error: %{type: "not_found_error", message: "model: x"}}, :unknown_model},
        {"a setting that the model refuses", 400,
         %{error: %{message: "`temperature` is deprecated for this model."}}, :bad_request}
      ] do
    test "#{name} is lasting, and named" do
      assert %Error{kind: unquote(kind), again: :never} = error(unquote(status), unquote(Macro.escape(body)))
    end
  end

  test "a daily quota is lasting, and named" do
    assert %Error{kind: :quota_exhausted, again: :never, message: message} =
             error(429, quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "45s"))

    assert message =~ "the daily quota GenerateRequestsPerDayPerProjectPerModel-FreeTier is used up"
  end

  test "a body of any shape is an error without a reason" do
    for body <- ["", "x", "[]", "null", ~s({"error": "x"}), ~s({"error": {"message": 5, "details": "x"}})],
        do: assert(%Error{message: "host answered 503: no reason given"} = error(503, body))
  end
end
