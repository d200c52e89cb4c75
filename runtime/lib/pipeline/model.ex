defmodule Pipeline.Model do
  @moduledoc """
  Gets the answer of a step from its model: calls the provider again after a passing fault, runs the tools that the model
  calls, and asks the model to correct an answer that does not fit its schema.
  """

  alias Pipeline.{Error, Settings}
  alias Pipeline.Files.Workspace
  alias Pipeline.Model.{Answer, Ask, Providers, Reply, Request, Retry, Schema, Tools, Usage}
  alias Pipeline.Value.JSON

  # The most problems of one answer that the model and the user read.
  @most_problems 20
  # The most tool calls of one reply. The setting max_turns limits the number of replies.
  @most_calls 50
  # After its tools ran, a model may end its turn without an answer. This is how often it is asked for its answer.
  @most_reminders 2
  @reminder "You have ended your turn without an answer. Give your answer now."

  @doc """
  Return the model's answer. `texts` are the parts of one user message; blank ones are not sent, because providers refuse
  them. A run without a workspace has no tools.
  """
  @spec answer(Ask.t(), [String.t()], Settings.t(), Workspace.t() | nil) ::
          {:ok, Answer.t()} | {:error, Error.t()}
  def answer(%Ask{} = ask, texts, %Settings{} = settings, workspace) do
    with :ok <- check_tools(ask, workspace),
         {:ok, texts} <- not_blank(texts) do
      request = %Request{ask: without_blank_system(ask), turns: [{:user, texts}], workspace: workspace}
      state = %{usage: %Usage{}, turns: 1, repairs: ask.repairs, reminders: @most_reminders, text: ""}
      converse(request, settings, state)
    end
  end

  defp not_blank(texts) do
    case Enum.reject(texts, &(String.trim(&1) == "")) do
      [] -> refused("the prompt is blank: expected at least one part with a text")
      texts -> {:ok, texts}
    end
  end

  defp without_blank_system(%Ask{system_prompt: prompt} = ask) when is_binary(prompt),
    do: if(String.trim(prompt) == "", do: %{ask | system_prompt: nil}, else: ask)

  defp without_blank_system(ask), do: ask

  defp check_tools(%Ask{tools: []}, _), do: :ok

  defp check_tools(%Ask{provider: :gemini}, _),
    do: refused("a gemini step has no tools: use them in a claude step")

  defp check_tools(%Ask{}, nil), do: refused("tools need a workspace, and this run has none")

  defp check_tools(%Ask{provider: :anthropic, tools: tools}, _) do
    case tools -- Tools.names() do
      [] -> :ok
      [name | _] -> refused("there is no tool #{inspect(name)}, only #{Enum.join(Tools.names(), ", ")}")
    end
  end

  defp check_tools(%Ask{}, _), do: :ok

  defp refused(message), do: {:error, Error.new(:pipeline, message)}

  defp converse(%Request{ask: ask} = request, settings, state) do
    call = fn -> complete(request, settings) end

    case Retry.run(call, ask.retries || settings.retries, settings.retry_base) do
      {:ok, reply, failed_usage} ->
        usage = state.usage |> Usage.add(failed_usage) |> Usage.add(reply.usage)
        next_turn(reply, request, settings, %{state | usage: usage})

      {:error, error} ->
        {:error, Error.after_usage(error, state.usage)}
    end
  end

  # An empty reply to the first prompt is a passing fault. After tools ran, a reminder keeps the turns that are paid for.
  defp complete(%Request{ask: ask, turns: turns} = request, settings) do
    with {:ok, reply} <- Providers.for_ask(ask).complete(request, settings) do
      if empty?(reply) and not after_tools?(turns) do
        again = if ask.provider == :claude_program, do: :never, else: :soon
        {:error, %{Error.new(:empty_reply, "#{ask.model} answered nothing", again) | usage: reply.usage}}
      else
        {:ok, reply}
      end
    end
  end

  defp empty?(%Reply{calls: [], paused?: false, text: text}), do: String.trim(text) == ""
  defp empty?(_), do: false

  defp after_tools?(turns), do: Enum.any?(turns, &match?({:results, _}, &1))

  # What the model wrote before it called tools, in a paused turn too, is no part of the answer.
  defp next_turn(%Reply{calls: [_ | _]} = reply, request, settings, state),
    do: use_tools(reply, with_turn(request, {:model, reply}), settings, %{state | text: ""})

  defp next_turn(%Reply{paused?: true}, %Request{ask: ask}, _, %{turns: turns} = state)
       when turns >= ask.max_turns,
       do: failed(:turn_limit, "#{ask.model} was not done after #{ask.max_turns} turns", state)

  defp next_turn(%Reply{paused?: true} = reply, request, settings, state) do
    state = %{state | turns: state.turns + 1, text: state.text <> reply.text}
    converse(with_turn(request, {:model, reply}), settings, state)
  end

  defp next_turn(reply, request, settings, state) do
    reply = %{reply | text: state.text <> reply.text}

    cond do
      not empty?(reply) -> finish(reply, with_turn(request, {:model, reply}), settings, %{state | text: ""})
      state.reminders > 0 -> remind(request, settings, state)
      true -> failed(:empty_reply, "#{request.ask.model} answered nothing after its tools ran", state)
    end
  end

  # The empty reply is left out of the conversation: a provider refuses a message without content.
  defp remind(request, settings, state),
    do:
      converse(with_turn(request, {:user, [@reminder]}), settings, %{state | reminders: state.reminders - 1})

  defp with_turn(request, turn), do: %{request | turns: request.turns ++ [turn]}

  defp failed(kind, message, state), do: {:error, %{Error.new(kind, message) | usage: state.usage}}

  defp finish(reply, %Request{ask: %Ask{schema: nil}}, _, state),
    do: {:ok, %Answer{text: reply.text, value: reply.text, usage: state.usage}}

  defp finish(reply, request, settings, state) do
    text = unfenced(reply.text)

    with {:ok, value} <- decoded(text),
         :ok <- Schema.validate(value, request.ask.schema) do
      {:ok, %Answer{text: text, value: value, usage: state.usage}}
    else
      {:error, problems} -> repair({:user, [complaint(problems)]}, problems, request, settings, state)
    end
  end

  defp unfenced(text) do
    case Regex.run(~r/\A\s*```(?:json)?[ \t]*\r?\n(.*)\r?\n```\s*\z/s, text) do
      [_, inside] -> inside
      nil -> text
    end
  end

  defp decoded(text) do
    with :error <- JSON.decode_foreign(text), do: {:error, ["$: expected one JSON value and nothing else"]}
  end

  defp use_tools(%Reply{calls: calls}, %Request{ask: ask}, _, state) when length(calls) > @most_calls,
    do:
      failed(
        :turn_limit,
        "#{ask.model} called #{length(calls)} tools at once, no more than #{@most_calls} are taken",
        state
      )

  # A model may call several tools at once and give its answer beside them. The answer counts if no tool failed.
  defp use_tools(reply, %Request{ask: ask} = request, settings, state) do
    outcomes = Enum.map(reply.calls, &result(&1, request))
    results = {:results, Enum.map(outcomes, fn {result, _} -> result end)}
    problems = for {_, {:invalid, problems}} <- outcomes, problem <- problems, do: problem
    failed? = Enum.any?(outcomes, fn {result, _} -> result.status == :error end)

    case for({_, {:answer, value}} <- outcomes, do: value) do
      [value | _] when not failed? ->
        {:ok, %Answer{text: JSON.encode(value), value: value, usage: state.usage}}

      _ when problems != [] ->
        repair(results, problems, request, settings, state)

      _ when state.turns >= ask.max_turns ->
        failed(
          :turn_limit,
          "#{ask.model} was not done with its tools after #{ask.max_turns} turns",
          state
        )

      _ ->
        next(results, request, settings, %{state | turns: state.turns + 1})
    end
  end

  defp result(call, request) do
    {status, text, outcome} = outcome(call.name == Request.answer_tool(), call, request)
    {%{id: call.id, status: status, text: text}, outcome}
  end

  defp outcome(true, call, %Request{ask: %Ask{schema: %{} = schema}}) do
    case Schema.validate(call.input, schema) do
      :ok -> {:ok, "the answer fits", {:answer, call.input}}
      {:error, problems} -> {:error, complaint(problems), {:invalid, problems}}
    end
  end

  defp outcome(_, call, %Request{ask: ask, workspace: workspace}) do
    if call.name in ask.tools do
      {status, text} = Tools.call(workspace, call.name, call.input)
      {status, text, :tool}
    else
      {:error, "there is no tool #{inspect(call.name)} here", :tool}
    end
  end

  defp repair(_, problems, %Request{ask: ask}, _, %{repairs: 0} = state) do
    failed(
      :invalid_answer,
      "the answer of #{ask.model} does not fit its schema: #{listed(problems)}",
      state
    )
  end

  defp repair(turn, _, request, settings, state),
    do: next(turn, request, settings, %{state | repairs: state.repairs - 1})

  defp next(turn, request, settings, state), do: converse(with_turn(request, turn), settings, state)

  defp complaint(problems),
    do:
      "This answer does not fit what was asked for: #{listed(problems)}. Give the whole answer once more, corrected."

  defp listed(problems), do: problems |> Enum.take(@most_problems) |> Enum.join("; ")
end
