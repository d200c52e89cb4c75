defmodule Pipeline.Loader.Steps do
  @moduledoc """
  The steps of a workflow, in order: each may refer to those before it. Steps of a parallel group do not see each other.
  """

  alias Pipeline.Step
  alias Pipeline.Files.Output
  alias Pipeline.Loader.{Actions, Asks, Document, Fields, Note, Parts, Source}
  alias Pipeline.Step.Condition

  @common [
    name: {:required, :text},
    type: :text,
    description: :text,
    metadata: :any,
    condition: :text,
    output_to_file: :text,
    timeout_ms: :milliseconds
  ]
  @group [parallel: :list, limit: :count, max_parallel: :count]
  @limit 4
  @most 1_000

  @refused %{
    "claude_session" =>
      "there are no sessions: write a step for each turn, and pass on answers with previous_response",
    "claude_batch" => "write the tasks as steps under parallel",
    "parallel_claude" => "write the tasks as steps under parallel",
    "data_transform" => "have a model transform it, by a step with a schema",
    "for_loop" => "loops are not supported: write out the steps, under parallel if they are alike",
    "while_loop" => "loops are not supported: write out the steps, with conditions",
    "pipeline" => "a pipeline within a pipeline is not supported: write out its steps",
    "codebase_query" => "give the codebase as an input of the run, with a part of type file",
    "gemini_functions" => "have the answer fit a schema, with gemini_extract"
  }

  @spec read(term(), Source.place(), Parts.context()) :: {[Step.t()], [Note.t()]}
  def read(steps, place, _) when is_list(steps) and length(steps) > @most,
    do: {[], [Note.error(place, "expected no more than #{@most} steps, got #{length(steps)}")]}

  def read(steps, place, context) when is_list(steps) and steps != [] do
    {steps, {_, notes}} = steps(steps, place, {context, []})
    {steps, (notes |> Enum.reverse() |> Enum.concat()) ++ twice(steps)}
  end

  def read(_, place, _), do: {[], [Note.error(place, "expected a list of at least one step")]}

  # A step sees all that were before it; `kinds` says what may be taken from their answers.
  defp steps(steps, place, before) do
    steps
    |> Enum.with_index()
    |> Enum.map_reduce(before, fn {step, index}, {context, notes} ->
      {step, kinds, more} = step(step, [index | place], context)
      {step, {%{context | earlier: Map.merge(context.earlier, kinds)}, [more | notes]}}
    end)
  end

  defp step(%{"parallel" => _} = step, place, context), do: group(step, place, context)
  defp step(%{"type" => "parallel"} = step, place, context), do: group(step, place, context)

  defp step(%{"type" => type} = step, place, context) do
    cond do
      is_map_key(@refused, type) ->
        unsupported(step, place, "#{inspect(type)} is not supported: #{@refused[type]}")

      type in Asks.types() ->
        {values, notes} = Fields.read(step, place, @common ++ Asks.specification(type))
        {ask, timeout, more} = Asks.make(type, values, place, context)
        kind = if ask.schema, do: :structured, else: kind_of_refused(Asks.kind(type), more)
        finished(values, place, ask, timeout, kind, context, notes ++ more)

      type in Actions.types() ->
        {values, notes} = Fields.read(step, place, @common ++ Actions.specification(type, step))
        {action, more} = Actions.make(type, values, place, context)
        finished(values, place, action, nil, Actions.kind(type, step), context, notes ++ more)

      true ->
        known = Asks.types() ++ Actions.types() ++ ["parallel"]
        near = if is_binary(type), do: Note.nearest(type, known), else: ""
        reason = "#{inspect(type)} is not known, expected one of #{Enum.join(known, ", ")}#{near}"
        {blank, kinds, notes} = unsupported(step, place, reason)
        # A slip of the pen in the type hides none in the prompt.
        {_, more} =
          if is_list(step["prompt"]),
            do: Parts.read(step["prompt"], ["prompt" | place], context),
            else: {[], []}

        {blank, kinds, notes ++ more}
    end
  end

  defp step(step, place, _) when is_map(step) do
    name = step["name"]
    {blank(name, place), kinds(name, :unknown), [Note.error(place, "the key type is missing")]}
  end

  defp step(other, place, _),
    do: {blank(nil, place), %{}, [Note.error(place, "expected a mapping#{Note.got(other)}")]}

  # Once the schema of a step was refused, nothing is said on references into its answer.
  defp kind_of_refused(:structured, [_ | _]), do: :unknown
  defp kind_of_refused(_, _), do: :text

  # Its keys belong to what is not here: one reason is enough.
  defp unsupported(step, place, reason) do
    {values, notes} = Fields.read(Map.take(step, ["name"]), place, name: {:required, :text})

    {blank(values.name, place), kinds(values.name, :unknown), notes ++ [Note.error(["type" | place], reason)]}
  end

  defp group(step, place, context) do
    {values, notes} = Fields.read(step, place, Keyword.delete(@common, :output_to_file) ++ @group)
    within = ["parallel" | place]

    {steps, found} =
      (values.parallel || [])
      |> Enum.take(@most)
      |> Enum.with_index()
      |> Enum.map(fn
        {%{"parallel" => _}, index} ->
          {nil, %{},
           [Note.error([index | within], "a group within a group is not supported: put all steps into one")]}

        {step, index} ->
          step(step, [index | within], context)
      end)
      |> Enum.map(fn {step, kinds, notes} -> {step, {kinds, notes}} end)
      |> Enum.unzip()

    wrong =
      cond do
        values.parallel == nil -> [Note.error(place, "expected the key parallel, a list of steps")]
        length(values.parallel) > @most -> [Note.error(within, "expected no more than #{@most} steps")]
        true -> []
      end

    kinds = found |> Enum.map(&elem(&1, 0)) |> Enum.reduce(%{}, &Map.merge/2)
    inner = Enum.flat_map(found, &elem(&1, 1))
    limit = values.limit || values.max_parallel || @limit
    action = {:parallel, Enum.filter(steps, & &1), limit}
    {made, own, more} = finished(values, place, action, nil, :structured, context, notes ++ wrong ++ inner)
    {made, Map.merge(kinds, own), more}
  end

  defp finished(values, place, action, timeout, kind, context, notes) do
    {condition, conditioned} = condition(values.condition, ["condition" | place], context)
    file = values[:output_to_file]

    step = %Step{
      name: values.name,
      at: Document.name(place),
      action: action,
      condition: condition,
      output_to_file: file,
      timeout: values.timeout_ms || timeout
    }

    {step, kinds(values.name, kind), notes ++ conditioned ++ output(file, ["output_to_file" | place])}
  end

  defp condition(nil, _, _), do: {nil, []}

  defp condition(text, place, context) do
    case Condition.parse(text) do
      {:ok, condition, names} ->
        {condition,
         for(
           name <- names,
           {_, message} <- [Parts.earlier(name, context)],
           is_binary(message),
           do: Note.error(place, message)
         )}

      {:error, message} ->
        {nil, [Note.error(place, message)]}
    end
  end

  defp output(nil, _), do: []

  defp output(file, place) do
    case Output.check(file) do
      :ok -> []
      {:error, reason} -> [Note.error(place, reason)]
    end
  end

  defp twice(steps) do
    all = Enum.flat_map(steps, fn step -> [step | inner(step.action)] end)

    first = all |> Enum.reverse() |> Map.new(&{&1.name, &1.at})

    for %Step{name: name, at: at} <- all,
        name != nil and first[name] != at,
        do: Note.error(place(at), "the name #{inspect(name)} is taken by #{first[name]}")
  end

  defp inner({:parallel, steps, _}), do: steps
  defp inner(_), do: []

  # The place is known by its name alone by now.
  defp place(at) do
    indices = for [_, index] <- Regex.scan(~r/\[(\d+)\]/, at), do: String.to_integer(index)

    case indices do
      [one] -> [one, "steps", "workflow"]
      [one, two] -> [two, "parallel", one, "steps", "workflow"]
    end
  end

  defp blank(name, place), do: %Step{name: text(name), at: Document.name(place), action: nil}
  defp kinds(name, kind), do: if(is_binary(name), do: %{name => kind}, else: %{})
  defp text(name), do: if(is_binary(name), do: name)
end
