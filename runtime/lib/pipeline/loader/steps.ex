defmodule Pipeline.Loader.Steps do
  @moduledoc """
  Reads the steps of a workflow in order. A step may refer to the steps before it. The steps of a parallel group may not refer
  to each other.

  `Pipeline.Loader.Asks` reads the steps that ask a model, and `Pipeline.Loader.Actions` the others.
  """

  alias Pipeline.Step
  alias Pipeline.Files.Output
  alias Pipeline.Loader.{Actions, Asks, Document, Fields, Note, Parts, Source}
  alias Pipeline.Step.Condition

  @common_keys [
    name: {:required, :text},
    type: :text,
    description: :text,
    metadata: :any,
    condition: :text,
    output_to_file: :text,
    timeout_ms: :milliseconds
  ]
  @group_keys Keyword.delete(@common_keys, :output_to_file) ++
                [parallel: :list, limit: :count, max_parallel: :count]
  @default_limit 4
  @max_steps 1_000

  @refused %{
    "claude_session" =>
      "there are no sessions: write a step for each turn, and pass on answers with previous_response",
    "claude_batch" => "write the tasks as steps under parallel",
    "parallel_claude" => "write the tasks as steps under parallel",
    "data_transform" => "ask a model to transform the data, in a step with a schema",
    "for_loop" => "loops are not supported: write out the steps, under parallel if they are similar",
    "while_loop" => "loops are not supported: write out the steps, with conditions",
    "pipeline" => "a pipeline within a pipeline is not supported: write out its steps",
    "codebase_query" => "give the codebase as an input of the run, with a part of type file",
    "gemini_functions" => "use gemini_extract with a schema for the answer"
  }

  @doc "Read all steps. Return them with notes on all their problems."
  @spec read(term(), Source.place(), Parts.context()) :: {[Step.t()], [Note.t()]}
  def read(steps, place, _) when is_list(steps) and length(steps) > @max_steps,
    do: {[], [Note.error(place, "expected no more than #{@max_steps} steps, got #{length(steps)}")]}

  def read(steps, place, context) when is_list(steps) and steps != [] do
    {steps, notes} = steps(steps, place, context)
    {steps, notes ++ repeated_names(steps)}
  end

  def read(_, place, _), do: {[], [Note.error(place, "expected a list of at least one step")]}

  # Read one step after the other. Add the kind of each step's answer to the context of the next steps.
  defp steps(steps, place, context) do
    {steps_and_notes, _} =
      steps
      |> Enum.with_index()
      |> Enum.map_reduce(context, fn {step, index}, context ->
        {step, kinds, notes} = step(step, [index | place], context)
        {{step, notes}, %{context | answer_kinds: Map.merge(context.answer_kinds, kinds)}}
      end)

    {steps, notes} = Enum.unzip(steps_and_notes)
    {steps, Enum.concat(notes)}
  end

  # Return the step, the kind of its answer by its name, and the notes. A group has the kinds of its steps as well.
  defp step(%{"parallel" => _} = step, place, context), do: group(step, place, context)
  defp step(%{"type" => "parallel"} = step, place, context), do: group(step, place, context)

  defp step(%{"type" => type} = step, place, context) do
    cond do
      is_map_key(@refused, type) ->
        unsupported(step, place, "#{inspect(type)} is not supported: #{@refused[type]}")

      type in Asks.types() ->
        {values, notes} = Fields.read(step, place, @common_keys ++ Asks.specification(type))
        {ask, timeout, ask_notes} = Asks.make(type, values, place, context)
        kind = if ask.schema, do: :structured, else: kind_without_schema(Asks.kind(type), ask_notes)
        make(values, place, ask, timeout, kind, context, notes ++ ask_notes)

      type in Actions.types() ->
        {values, notes} = Fields.read(step, place, @common_keys ++ Actions.specification(type, step))
        {action, action_notes} = Actions.make(type, values, place, context)
        make(values, place, action, nil, Actions.kind(type, step), context, notes ++ action_notes)

      true ->
        unknown_type(step, place, context)
    end
  end

  defp step(step, place, _) when is_map(step) do
    name = step["name"]
    {without_action(name, place), kinds(name, :unknown), [Note.error(place, "the key type is missing")]}
  end

  defp step(other, place, _),
    do: {without_action(nil, place), %{}, [Note.error(place, "expected a mapping#{Note.got(other)}")]}

  # If the schema of a step was refused, references into its answer cause no further errors.
  defp kind_without_schema(:structured, [_ | _]), do: :unknown
  defp kind_without_schema(_, _), do: :text

  # Return a step without an action. Its type is an error, so its other keys are not checked.
  defp unsupported(step, place, reason) do
    {values, notes} = Fields.read(Map.take(step, ["name"]), place, name: {:required, :text})

    {without_action(values.name, place), kinds(values.name, :unknown),
     notes ++ [Note.error(["type" | place], reason)]}
  end

  defp unknown_type(%{"type" => type} = step, place, context) do
    known = Asks.types() ++ Actions.types() ++ ["parallel"]
    nearest = if is_binary(type), do: Note.nearest(type, known), else: ""
    reason = "#{inspect(type)} is not known, expected one of #{Enum.join(known, ", ")}#{nearest}"
    {step_without_action, kinds, notes} = unsupported(step, place, reason)

    # Check the prompt as well, although the type is misspelled.
    {_, prompt_notes} =
      if is_list(step["prompt"]),
        do: Parts.read(step["prompt"], ["prompt" | place], context),
        else: {[], []}

    {step_without_action, kinds, notes ++ prompt_notes}
  end

  defp group(step, place, context) do
    {values, notes} = Fields.read(step, place, @group_keys)
    list_place = ["parallel" | place]
    inner = values.parallel || []

    inner_steps =
      for {step, index} <- inner |> Enum.take(@max_steps) |> Enum.with_index(),
          do: inner_step(step, [index | list_place], context)

    steps = for {step, _, _} <- inner_steps, step != nil, do: step
    kinds = for {_, kinds, _} <- inner_steps, reduce: %{}, do: (earlier -> Map.merge(earlier, kinds))
    step_notes = for {_, _, notes} <- inner_steps, note <- notes, do: note

    list_notes =
      cond do
        inner == [] -> [Note.error(place, "expected the key parallel, a list of steps")]
        length(inner) > @max_steps -> [Note.error(list_place, "expected no more than #{@max_steps} steps")]
        true -> []
      end

    action = {:parallel, steps, values.limit || values.max_parallel || @default_limit}

    {group, group_kinds, notes} =
      make(values, place, action, nil, :structured, context, notes ++ list_notes ++ step_notes)

    {group, Map.merge(kinds, group_kinds), notes}
  end

  defp inner_step(%{"parallel" => _}, place, _) do
    reason = "a group within a group is not supported: put all steps into one group"
    {nil, %{}, [Note.error(place, reason)]}
  end

  defp inner_step(step, place, context), do: step(step, place, context)

  defp make(values, place, action, timeout, kind, context, notes) do
    {condition, condition_notes} = condition(values.condition, ["condition" | place], context)
    file = values[:output_to_file]

    step = %Step{
      name: values.name,
      at: Document.name(place),
      action: action,
      condition: condition,
      output_to_file: file,
      timeout: values.timeout_ms || timeout
    }

    {step, kinds(values.name, kind),
     notes ++ condition_notes ++ output_notes(file, ["output_to_file" | place])}
  end

  defp condition(nil, _, _), do: {nil, []}

  defp condition(text, place, context) do
    case Condition.parse(text) do
      {:ok, condition, names} ->
        {condition,
         for(
           name <- names,
           {:error, message} <- [Parts.answer_kind(name, context)],
           do: Note.error(place, message)
         )}

      {:error, message} ->
        {nil, [Note.error(place, message)]}
    end
  end

  defp output_notes(nil, _), do: []

  defp output_notes(file, place) do
    case Output.check(file) do
      :ok -> []
      {:error, reason} -> [Note.error(place, reason)]
    end
  end

  defp repeated_names(steps) do
    all_steps = Enum.flat_map(steps, fn step -> [step | inner_steps(step.action)] end)

    # The last entry of a name wins, so the reverse order keeps the first step of each name.
    first_places = all_steps |> Enum.reverse() |> Map.new(&{&1.name, &1.at})

    for %Step{name: name, at: at} <- all_steps,
        name != nil and first_places[name] != at,
        do:
          Note.error(place(at), "the name #{inspect(name)} is taken by #{first_places[name]}: choose another")
  end

  defp inner_steps({:parallel, steps, _}), do: steps
  defp inner_steps(_), do: []

  # Convert the name of a place, `steps[2].parallel[0]`, back to the place.
  defp place(at) do
    indices = for [_, index] <- Regex.scan(~r/\[(\d+)\]/, at), do: String.to_integer(index)

    case indices do
      [index] -> [index, "steps", "workflow"]
      [index, inner_index] -> [inner_index, "parallel", index, "steps", "workflow"]
    end
  end

  defp without_action(name, place), do: %Step{name: text(name), at: Document.name(place), action: nil}
  defp kinds(name, kind), do: if(is_binary(name), do: %{name => kind}, else: %{})
  defp text(name), do: if(is_binary(name), do: name)
end
