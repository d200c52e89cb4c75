defmodule Pipeline.Model do
  @moduledoc """
  Gets the answer of a step from its model. One answer may take a whole conversation:

    * If the provider fails and may succeed later, the call is repeated.
    * If the model calls tools, the tools are run and the model gets their results.
    * If the answer does not fit the step's schema, the model is asked to correct it.
  """

  alias Pipeline.{Error, Settings}
  alias Pipeline.Files.Workspace
  alias Pipeline.Model.{Answer, Ask, Providers, Reply, Request, Retry, Schema, Tools, Usage}
  alias Pipeline.Value.JSON

  # The model and the user read at most this number of problems of one answer.
  @max_problems 20
  # A reply may call at most this number of tools. The setting max_turns limits the number of turns.
  @max_tool_calls 50
  # After its tools ran, a model may end its turn without an answer. It is reminded at most this often.
  @max_reminders 2
  @reminder "You have ended your turn without an answer. Give your answer now."

  @doc """
  Return the model's answer to one user message. `texts` are the parts of the message.

  Blank parts are not sent, because providers refuse them. A step with tools needs a workspace.
  """
  @spec answer(Ask.t(), [String.t()], Settings.t(), Workspace.t() | nil) ::
          {:ok, Answer.t()} | {:error, Error.t()}
  def answer(%Ask{} = ask, texts, %Settings{} = settings, workspace) do
    with :ok <- check_tools(ask, workspace),
         {:ok, texts} <- drop_blank_texts(texts) do
      request = %Request{ask: drop_blank_system_prompt(ask), turns: [{:user, texts}], workspace: workspace}
      converse(request, settings, new_state(ask))
    end
  end

  # `turns` is the number of the current turn. `repairs` and `reminders` are how often the model may still be asked to correct
  # an answer, and to give one. `text` is what the model has written in paused turns.
  defp new_state(ask),
    do: %{usage: %Usage{}, turns: 1, repairs: ask.repairs, reminders: @max_reminders, text: ""}

  defp drop_blank_texts(texts) do
    case Enum.reject(texts, &(String.trim(&1) == "")) do
      [] -> refuse("the prompt is blank: expected at least one part with a text")
      texts -> {:ok, texts}
    end
  end

  defp drop_blank_system_prompt(%Ask{system_prompt: prompt} = ask) when is_binary(prompt),
    do: if(String.trim(prompt) == "", do: %{ask | system_prompt: nil}, else: ask)

  defp drop_blank_system_prompt(ask), do: ask

  defp check_tools(%Ask{tools: []}, _), do: :ok

  defp check_tools(%Ask{provider: :gemini}, _),
    do: refuse("a gemini step has no tools: use them in a claude step")

  defp check_tools(%Ask{}, nil), do: refuse("tools need a workspace, and this run has none")

  defp check_tools(%Ask{provider: :anthropic, tools: tools}, _) do
    case tools -- Tools.names() do
      [] -> :ok
      [name | _] -> refuse("there is no tool #{inspect(name)}, only #{Enum.join(Tools.names(), ", ")}")
    end
  end

  defp check_tools(%Ask{}, _), do: :ok

  defp refuse(message), do: {:error, Error.new(:pipeline, message)}

  # Ask for the next reply and act on it, until there is an answer or an error.
  defp converse(%Request{ask: ask} = request, settings, state) do
    call = fn -> complete(request, settings) end

    case Retry.run(call, ask.retries || settings.retries, settings.retry_base) do
      {:ok, reply, failed_usage} ->
        usage = state.usage |> Usage.add(failed_usage) |> Usage.add(reply.usage)
        act_on(reply, request, settings, %{state | usage: usage})

      {:error, error} ->
        {:error, Error.after_usage(error, state.usage)}
    end
  end

  # Return an error for an empty reply, so that the call is repeated. The claude program is not called again, because it may
  # have changed files already. After tools ran, an empty reply is no error: the model gets a reminder, so that the turns
  # that are paid for are not lost.
  defp complete(%Request{ask: ask, turns: turns} = request, settings) do
    with {:ok, reply} <- Providers.for_ask(ask).complete(request, settings) do
      if empty?(reply) and not after_tools?(turns) do
        retry = if ask.provider == :claude_program, do: :never, else: :soon
        {:error, %{Error.new(:empty_reply, "#{ask.model} answered nothing", retry) | usage: reply.usage}}
      else
        {:ok, reply}
      end
    end
  end

  defp empty?(%Reply{calls: [], paused?: false, text: text}), do: String.trim(text) == ""
  defp empty?(_), do: false

  defp after_tools?(turns), do: Enum.any?(turns, &match?({:results, _}, &1))

  # A text that the model wrote before it called tools is not part of the answer. So drop the text of paused turns before tools.
  defp act_on(%Reply{calls: [_ | _]} = reply, request, settings, state),
    do: run_tools(reply, with_turn(request, {:model, reply}), settings, %{state | text: ""})

  defp act_on(%Reply{paused?: true}, %Request{ask: ask}, _, %{turns: turns} = state)
       when turns >= ask.max_turns,
       do: fail(:turn_limit, "#{ask.model} was not done after #{ask.max_turns} turns", state)

  defp act_on(%Reply{paused?: true} = reply, request, settings, state) do
    state = %{state | turns: state.turns + 1, text: state.text <> reply.text}
    continue({:model, reply}, request, settings, state)
  end

  defp act_on(reply, request, settings, state) do
    reply = %{reply | text: state.text <> reply.text}

    cond do
      not empty?(reply) ->
        check_text(reply, with_turn(request, {:model, reply}), settings, %{state | text: ""})

      state.reminders > 0 ->
        remind(request, settings, state)

      true ->
        fail(:empty_reply, "#{request.ask.model} answered nothing after its tools ran", state)
    end
  end

  # The empty reply is left out of the conversation: a provider refuses a message without content.
  defp remind(request, settings, state),
    do: continue({:user, [@reminder]}, request, settings, %{state | reminders: state.reminders - 1})

  defp continue(turn, request, settings, state), do: converse(with_turn(request, turn), settings, state)

  defp with_turn(request, turn), do: %{request | turns: request.turns ++ [turn]}

  defp fail(kind, message, state), do: {:error, %{Error.new(kind, message) | usage: state.usage}}

  # A text is the answer if the step has no schema, or if the JSON in the text fits the schema.
  defp check_text(reply, %Request{ask: %Ask{schema: nil}}, _, state),
    do: {:ok, %Answer{text: reply.text, value: reply.text, usage: state.usage}}

  defp check_text(reply, request, settings, state) do
    text = without_fence(reply.text)

    with {:ok, value} <- decode(text),
         :ok <- Schema.validate(value, request.ask.schema) do
      {:ok, %Answer{text: text, value: value, usage: state.usage}}
    else
      {:error, problems} -> repair({:user, [complaint(problems)]}, problems, request, settings, state)
    end
  end

  defp without_fence(text) do
    case Regex.run(~r/\A\s*```(?:json)?[ \t]*\r?\n(.*)\r?\n```\s*\z/s, text) do
      [_, content] -> content
      nil -> text
    end
  end

  defp decode(text) do
    with :error <- JSON.decode_foreign(text), do: {:error, ["$: expected one JSON value and nothing else"]}
  end

  defp run_tools(%Reply{calls: calls}, %Request{ask: ask}, _, state) when length(calls) > @max_tool_calls,
    do:
      fail(
        :turn_limit,
        "#{ask.model} called #{length(calls)} tools at once, but a reply may call at most #{@max_tool_calls}",
        state
      )

  # A model may call several tools at once and give its answer beside them. The answer counts if no tool failed.
  defp run_tools(reply, %Request{ask: ask} = request, settings, state) do
    outcomes = Enum.map(reply.calls, &run_call(&1, request))
    results = {:results, Enum.map(outcomes, fn {result, _} -> result end)}
    answers = for {_, {:answer, value}} <- outcomes, do: value
    problems = for {_, {:invalid, problems}} <- outcomes, problem <- problems, do: problem
    failed? = Enum.any?(outcomes, fn {result, _} -> result.status == :error end)

    cond do
      answers != [] and not failed? ->
        value = hd(answers)
        {:ok, %Answer{text: JSON.encode(value), value: value, usage: state.usage}}

      problems != [] ->
        repair(results, problems, request, settings, state)

      state.turns >= ask.max_turns ->
        fail(:turn_limit, "#{ask.model} was not done with its tools after #{ask.max_turns} turns", state)

      true ->
        continue(results, request, settings, %{state | turns: state.turns + 1})
    end
  end

  # Return the result for the model, and what the call was: an answer, an answer that does not fit, or a file tool.
  defp run_call(call, %Request{ask: ask} = request) do
    {status, text, outcome} =
      if call.name == Request.answer_tool() and ask.schema != nil,
        do: take_answer(call, ask.schema),
        else: call_file_tool(call, request)

    {%{id: call.id, status: status, text: text}, outcome}
  end

  defp take_answer(call, schema) do
    case Schema.validate(call.input, schema) do
      :ok -> {:ok, "the answer fits", {:answer, call.input}}
      {:error, problems} -> {:error, complaint(problems), {:invalid, problems}}
    end
  end

  defp call_file_tool(call, %Request{ask: ask, workspace: workspace}) do
    if call.name in ask.tools do
      {status, text} = Tools.call(workspace, call.name, call.input)
      {status, text, :file_tool}
    else
      {:error, "there is no tool #{inspect(call.name)} here", :file_tool}
    end
  end

  # Go on with the turn that tells the model what is wrong with its answer.
  defp repair(_, problems, %Request{ask: ask}, _, %{repairs: 0} = state),
    do: fail(:invalid_answer, "the answer of #{ask.model} does not fit its schema: #{join(problems)}", state)

  defp repair(turn, _, request, settings, state),
    do: continue(turn, request, settings, %{state | repairs: state.repairs - 1})

  defp complaint(problems),
    do:
      "This answer does not fit what was asked for: #{join(problems)}. Give the whole answer once more, corrected."

  defp join(problems), do: problems |> Enum.take(@max_problems) |> Enum.join("; ")
end
