defmodule Pipeline.ExecutorTest do
  use ExUnit.Case, async: true

  import Pipeline.Answers

  alias Pipeline.{Ask, Error, Executor, ScriptedProvider, Settings, Step}

  defp settings(server, changes) do
    url = ScriptedProvider.url(server)
    key = fn -> "secret-key" end

    struct!(
      %Settings{
        keys: %{anthropic: key, gemini: key},
        base_urls: %{anthropic: url, gemini: url},
        timeout: 2_000
      },
      changes
    )
  end

  defp pipeline(steps), do: %Pipeline{name: "test", file: "test.yaml", steps: steps}

  defp step(changes \\ []) do
    {name, changes} = Keyword.pop(changes, :name, "one")

    ask = %Ask{
      provider: :gemini,
      model: "gemini-2.5-flash",
      prompt: [{:variable, "user_prompt"}],
      retries: 0
    }

    %Step{name: name, at: "steps[0]", action: struct!(ask, changes)}
  end

  defp execute(answers, steps, changes \\ %{}) do
    server = start_supervised!({ScriptedProvider, answers})
    vars = %{"user_prompt" => "Write {{a}} plan: $(id) \#{x} ü"}
    {Executor.execute_with_vars(pipeline(steps), vars, settings(server, changes)), server}
  end

  test "a gemini step gets the prompt as it was written, with the settings of the step" do
    step = step(temperature: 0.3, max_tokens: 99, system_prompt: "Be brief.")
    assert {{:ok, %{reply: "the plan"}}, server} = execute([gemini("the plan")], [step], %{seed: 7})
    assert [request] = ScriptedProvider.requests(server)
    assert request.path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert request.headers["x-goog-api-key"] == "secret-key"
    assert [%{"parts" => [%{"text" => "Write {{a}} plan: $(id) \#{x} ü"}]}] = request.body["contents"]
    assert request.body["generationConfig"] == %{"temperature" => 0.3, "maxOutputTokens" => 99, "seed" => 7}
    assert request.body["systemInstruction"] == %{"parts" => [%{"text" => "Be brief."}]}
  end

  test "a claude step speaks Anthropic's protocol" do
    step = step(provider: :anthropic, model: "claude-sonnet-4-5", system_prompt: "Be brief.")
    assert {{:ok, %{reply: "the plan"}}, server} = execute([claude("the plan")], [step])
    assert [request] = ScriptedProvider.requests(server)
    assert request.path == "/v1/messages"
    assert request.headers["x-api-key"] == "secret-key"
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert request.body["system"] == "Be brief."

    assert [%{"role" => "user", "content" => [%{"type" => "text", "text" => text}]}] =
             request.body["messages"]

    assert text =~ "{{a}}"
  end

  test "a later step sees an earlier one's reply, literally" do
    steps = [step(), step(name: "two", prompt: [{:static, "Improve:"}, {:previous_response, "one", []}])]
    assert {{:ok, %{reply: "better"}}, server} = execute([gemini("{{user_prompt}}"), gemini("better")], steps)
    assert [_, second] = ScriptedProvider.requests(server)
    assert [%{"parts" => [%{"text" => "Improve:"}, %{"text" => "{{user_prompt}}"}]}] = second.body["contents"]
  end

  @tag :tmp_dir
  test "an input is a part of its own, headed by its name", %{tmp_dir: folder} do
    file = Path.join(folder, "packed.xml")
    File.write!(file, "<repository/>")
    step = step(prompt: [{:variable, "user_prompt"}, {:input, "codebase", false}])
    assert {{:ok, _}, server} = execute([gemini("plan")], [step], %{inputs: %{"codebase" => {:file, file}}})

    assert [%{body: %{"contents" => [%{"parts" => [_, %{"text" => part}]}]}}] =
             ScriptedProvider.requests(server)

    assert part == "<file name=\"codebase\">\n<repository/>\n</file>"
  end

  test "an input that nobody takes, and one that is missing, cost nothing" do
    assert {{:error, %Error{kind: :pipeline, message: message}}, server} =
             execute([], [step()], %{inputs: %{"codebase" => {:file, "x"}}})

    assert message =~ ~s(takes no input "codebase"; it takes none)
    assert ScriptedProvider.requests(server) == []
    stop_supervised!(ScriptedProvider)

    assert {{:error, %Error{kind: :pipeline, message: message}}, _} =
             execute([], [step(prompt: [{:input, "codebase", false}])])

    assert message =~ "--input codebase=FILE"
  end

  for {name, answer, kind} <- [
        {"a refused key", {401, %{error: %{message: "secret-key is wrong"}}}, :authentication},
        {"too many requests", {429, %{error: %{message: "slow down"}}}, :rate_limit},
        {"a bad request", {400, %{error: %{message: "no such model"}}}, :bad_request},
        {"an error of the server", {503, "overloaded"}, :provider_unavailable},
        {"what is no JSON", {200, "{\"candidates\": ["}, :provider_unavailable},
        {"a lost connection", :close, :provider_unavailable},
        {"no answer in time", :hang, :timeout},
        {"a blank reply", {200, %{candidates: [%{content: %{parts: [%{text: " "}]}, finishReason: "STOP"}]}},
         :empty_reply},
        {"a reply that was cut off",
         {200, %{candidates: [%{content: %{parts: [%{text: "half"}]}, finishReason: "MAX_TOKENS"}]}},
         :truncated},
        {"a blocked prompt", {200, %{promptFeedback: %{blockReason: "SAFETY"}}}, :blocked}
      ] do
    test "#{name} is an error of kind #{kind}, without the key in it" do
      assert {{:error, %Error{kind: unquote(kind), message: message}}, _} =
               execute([unquote(Macro.escape(answer))], [step()])

      refute message =~ "secret-key"
    end
  end

  test "a missing key names the variables" do
    assert {{:error, %Error{kind: :authentication, message: message}}, _} =
             execute([], [step()], %{keys: %{gemini: fn -> nil end, anthropic: fn -> nil end}})

    assert message =~ "GEMINI_API_KEY or GOOGLE_API_KEY is not set"
  end

  test "claude's truncation and refusal are told apart from answers" do
    claude = step(provider: :anthropic, model: "claude-sonnet-4-5")
    assert {{:error, %Error{kind: :truncated}}, _} = execute([claude("half", "max_tokens")], [claude])
    stop_supervised!(ScriptedProvider)
    assert {{:error, %Error{kind: :blocked}}, _} = execute([claude("no", "refusal")], [claude])
  end
end
