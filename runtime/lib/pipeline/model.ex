defmodule Pipeline.Model do
  @moduledoc """
  Has a model answer: retries what the provider failed at, runs the tools that the model asks for, and asks again for
  an answer that does not fit its schema.
  """

  alias Pipeline.{Error, Settings}
  alias Pipeline.Files.Workspace
  alias Pipeline.Model.{Answer, Ask, Providers, Reply, Request, Retry, Schema, Tools, Usage}
  alias Pipeline.Value.JSON

  # So many of the things that are wrong with an answer are told, to the model and to the user.
  @most_problems 20
  # In one reply. How many replies there may be is max_turns.
  @most_calls 50

  @doc "The texts are the parts of one user message. A run without a workspace has no tools."
  @spec answer(Ask.t(), [String.t()], Settings.t(), Workspace.t() | nil) ::
          {:ok, Answer.t()} | {:error, Error.t()}
  def answer(%Ask{} = ask, texts, %Settings{} = settings, workspace) do
    with :ok <- able(ask, workspace) do
      request = %Request{ask: ask, turns: [{:user, texts}], workspace: workspace}
      talk(request, settings, %{usage: %Usage{}, turns: 1, repairs: ask.repairs})
    end
  end

  defp able(%Ask{tools: []}, _), do: :ok
  defp able(%Ask{provider: :gemini}, _), do: refused("a gemini step has no tools: use them in a claude step")
  defp able(%Ask{}, nil), do: refused("tools need a workspace, and this run has none")

  defp able(%Ask{provider: :anthropic, tools: tools}, _) do
    case tools -- Tools.names() do
      [] -> :ok
      [name | _] -> refused("there is no tool #{inspect(name)}, only #{Enum.join(Tools.names(), ", ")}")
    end
  end

  defp able(%Ask{}, _), do: :ok

  defp refused(message), do: {:error, Error.new(:pipeline, message)}

  defp talk(%Request{ask: ask} = request, settings, so_far) do
    call = fn -> Providers.for_ask(ask).complete(request, settings) end

    with {:ok, reply} <- Retry.run(call, ask.retries || settings.retries, settings.retry_base),
         :ok <- not_blank(reply, ask) do
      request = %{request | turns: request.turns ++ [{:model, reply}]}
      so_far = %{so_far | usage: Usage.add(so_far.usage, reply.usage)}

      if reply.calls == [],
        do: said(reply, request, settings, so_far),
        else: called(reply, request, settings, so_far)
    else
      {:error, error} -> {:error, Error.after_usage(error, so_far.usage)}
    end
  end

  defp failed(kind, message, so_far), do: {:error, %{Error.new(kind, message) | usage: so_far.usage}}

  defp not_blank(%Reply{calls: [], text: text, usage: usage}, ask) do
    if String.trim(text) == "",
      do: {:error, %{Error.new(:empty_reply, "#{ask.model} answered nothing") | usage: usage}},
      else: :ok
  end

  defp not_blank(_, _), do: :ok

  defp said(reply, %Request{ask: %Ask{schema: nil}}, _, so_far),
    do: {:ok, %Answer{text: reply.text, value: reply.text, usage: so_far.usage}}

  defp said(reply, request, settings, so_far) do
    text = unfenced(reply.text)

    with {:ok, value} <- decoded(text),
         :ok <- Schema.validate(value, request.ask.schema) do
      {:ok, %Answer{text: text, value: value, usage: so_far.usage}}
    else
      {:error, problems} -> repair({:user, [complaint(problems)]}, problems, request, settings, so_far)
    end
  end

  defp unfenced(text) do
    case Regex.run(~r/\A\s*```(?:json)?[ \t]*\r?\n(.*)\r?\n```\s*\z/s, text) do
      [_, inside] -> inside
      nil -> text
    end
  end

  defp decoded(text) do
    with :error <- JSON.decode(text), do: {:error, ["$: expected one JSON value and nothing else"]}
  end

  defp called(%Reply{calls: calls}, %Request{ask: ask}, _, so_far) when length(calls) > @most_calls,
    do:
      failed(
        :turn_limit,
        "#{ask.model} called #{length(calls)} tools at once, no more than #{@most_calls} are taken",
        so_far
      )

  # A model may call several tools at once, and give its answer beside them: that counts if all of them went well.
  defp called(reply, %Request{ask: ask} = request, settings, so_far) do
    done = Enum.map(reply.calls, &result(&1, request))
    results = {:results, Enum.map(done, fn {result, _} -> result end)}
    problems = for {_, {:invalid, problems}} <- done, problem <- problems, do: problem
    failed? = Enum.any?(done, fn {result, _} -> result.status == :error end)

    case for({_, {:answer, value}} <- done, do: value) do
      [value | _] when not failed? ->
        {:ok, %Answer{text: JSON.encode(value), value: value, usage: so_far.usage}}

      _ when problems != [] ->
        repair(results, problems, request, settings, so_far)

      _ when so_far.turns >= ask.max_turns ->
        failed(
          :turn_limit,
          "#{ask.model} was not done with its tools after #{ask.max_turns} turns",
          so_far
        )

      _ ->
        next(results, request, settings, %{so_far | turns: so_far.turns + 1})
    end
  end

  defp result(call, request) do
    {status, text, what} = outcome(call.name == Request.answer_tool(), call, request)
    {%{id: call.id, status: status, text: text}, what}
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

  defp repair(_, problems, %Request{ask: ask}, _, %{repairs: 0} = so_far) do
    failed(
      :invalid_answer,
      "the answer of #{ask.model} does not fit its schema: #{listed(problems)}",
      so_far
    )
  end

  defp repair(turn, _, request, settings, so_far),
    do: next(turn, request, settings, %{so_far | repairs: so_far.repairs - 1})

  defp next(turn, request, settings, so_far),
    do: talk(%{request | turns: request.turns ++ [turn]}, settings, so_far)

  defp complaint(problems),
    do:
      "This answer does not fit what was asked for: #{listed(problems)}. Give the whole answer once more, corrected."

  defp listed(problems), do: problems |> Enum.take(@most_problems) |> Enum.join("; ")
end
