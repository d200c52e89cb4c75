defmodule Pipeline.Loader do
  @moduledoc """
  Reads a pipeline file, and says everything that is wrong with it at once, each with its place:
  `steps[0].prompt[1]: unknown part type "varable", …`.
  """

  alias Pipeline.{Ask, Error, Step}

  @step_types ~w(claude gemini)
  @part_types ~w(static variable file previous_response)
  @root_keys ~w(workflow)
  @workflow_keys ~w(name description version steps)
  @step_keys ~w(name type model temperature max_tokens system_prompt prompt)
  @part_keys %{
    "static" => ~w(type content),
    "variable" => ~w(type name),
    "file" => ~w(type path input optional),
    "previous_response" => ~w(type step)
  }
  @providers %{"claude" => :anthropic, "gemini" => :gemini}
  @default_models %{"claude" => "claude-sonnet-4-5", "gemini" => "gemini-2.5-flash"}

  @spec load(Path.t()) :: {:ok, Pipeline.t()} | {:error, Error.t()}
  def load(file) do
    with {:ok, text} <- read(file), do: parse(text, file)
  end

  @doc "The same for a text that is already here; `file` is where it stands, for messages and relative paths."
  @spec parse(String.t(), Path.t()) :: {:ok, Pipeline.t()} | {:error, Error.t()}
  def parse(text, file) do
    with {:ok, root} <- decode(text, file) do
      {pipeline, problems} = pipeline(root, file)
      if problems == [], do: {:ok, pipeline}, else: {:error, error(file, problems)}
    end
  end

  defp read(file) do
    with {:ok, text} <- File.read(file),
         {:valid, true} <- {:valid, String.valid?(text)} do
      {:ok, text}
    else
      {:error, reason} -> {:error, error(file, ["cannot be read: #{:file.format_error(reason)}"])}
      {:valid, false} -> {:error, error(file, ["is not UTF-8"])}
    end
  end

  defp decode(text, file) do
    case :fast_yaml.decode(text, [:sane_scalars, :maps]) do
      {:ok, [root]} when is_map(root) -> {:ok, root}
      {:ok, _} -> {:error, error(file, ["expected one mapping with the key workflow"])}
      {:error, reason} -> {:error, error(file, ["is no YAML: #{:fast_yaml.format_error(reason)}"])}
    end
  end

  defp pipeline(root, file) do
    workflow = root["workflow"]

    cond do
      not Map.has_key?(root, "workflow") ->
        {nil, ["the key workflow is missing at the top"]}

      not is_map(workflow) ->
        {nil, ["workflow: expected a mapping"]}

      true ->
        problems = unknown(root, @root_keys, "") ++ unknown(workflow, @workflow_keys, "workflow")
        {name, named} = text(workflow, "name", "workflow")
        {steps, stepped} = steps(workflow["steps"], Path.dirname(file))
        {%Pipeline{name: name, steps: steps, file: file}, problems ++ named ++ stepped}
    end
  end

  defp steps(steps, folder) when is_list(steps) and steps != [] do
    {steps, {problems, _}} =
      steps
      |> Enum.with_index()
      |> Enum.map_reduce({[], []}, fn {step, index}, {problems, earlier} ->
        {step, more} = step(step, "steps[#{index}]", folder, earlier)
        name = step && step.name

        more =
          if name in earlier, do: more ++ ["steps[#{index}]: the name #{inspect(name)} is taken"], else: more

        {step, {problems ++ more, [name | earlier]}}
      end)

    {steps, problems}
  end

  defp steps(_, _), do: {[], ["workflow.steps: expected a list of at least one step"]}

  defp step(step, at, folder, earlier) when is_map(step) do
    {name, named} = text(step, "name", at)
    {type, typed} = one_of(step, "type", @step_types, at)
    {parts, parted} = prompt(step["prompt"], at, folder, earlier)
    {model, modelled} = optional(step, "model", &is_binary/1, "a text", @default_models[type], at)
    {heat, heated} = optional(step, "temperature", &(is_number(&1) and &1 >= 0), "a number from 0", nil, at)
    {most, limited} = optional(step, "max_tokens", &(is_integer(&1) and &1 > 0), "a whole number", 32_768, at)
    {system, told} = optional(step, "system_prompt", &is_binary/1, "a text", nil, at)

    ask = %Ask{
      provider: @providers[type],
      model: model,
      prompt: parts,
      temperature: heat,
      max_tokens: most,
      system_prompt: system
    }

    {%Step{name: name, at: at, action: ask},
     unknown(step, @step_keys, at) ++ named ++ typed ++ modelled ++ heated ++ limited ++ told ++ parted}
  end

  defp step(_, at, _, _), do: {nil, ["#{at}: expected a mapping"]}

  defp prompt(parts, at, folder, earlier) when is_list(parts) and parts != [] do
    {parts, problems} =
      parts
      |> Enum.with_index()
      |> Enum.map(fn {part, index} -> part(part, "#{at}.prompt[#{index}]", folder, earlier) end)
      |> Enum.unzip()

    {parts, List.flatten(problems)}
  end

  defp prompt(_, at, _, _), do: {[], ["#{at}.prompt: expected a list of at least one part"]}

  defp part(part, at, folder, earlier) when is_map(part) do
    case one_of(part, "type", @part_types, at) do
      {nil, problems} ->
        {nil, problems}

      {type, []} ->
        {made, problems} = part(type, part, at, folder, earlier)
        {made, unknown(part, @part_keys[type], at) ++ problems}
    end
  end

  defp part(_, at, _, _), do: {nil, ["#{at}: expected a mapping"]}

  defp part("static", part, at, _, _), do: part |> text("content", at) |> made(&{:static, &1})
  defp part("variable", part, at, _, _), do: part |> text("name", at) |> made(&{:variable, &1})

  defp part("previous_response", part, at, _, earlier) do
    case text(part, "step", at) do
      {step, []} ->
        if step in earlier,
          do: {{:previous_response, step, []}, []},
          else:
            {nil, ["#{at}.step: no step before this one is named #{inspect(step)}#{nearest(step, earlier)}"]}

      {_, problems} ->
        {nil, problems}
    end
  end

  defp part("file", %{"input" => _, "path" => _}, at, _, _),
    do: {nil, ["#{at}: takes input or path, not both"]}

  defp part("file", %{"input" => _} = part, at, _, _) do
    {optional?, problems} = optional(part, "optional", &is_boolean/1, "true or false", false, at)
    {made, more} = part |> text("input", at) |> made(&{:input, &1, optional?})
    {made, problems ++ more}
  end

  defp part("file", part, at, folder, _),
    do: part |> text("path", at) |> made(&{:file, Path.expand(&1, folder)})

  defp made({_, [_ | _] = problems}, _), do: {nil, problems}
  defp made({value, []}, make), do: {make.(value), []}

  defp text(map, key, at) do
    case map[key] do
      value when is_binary(value) and value != "" -> {value, []}
      nil -> {nil, ["#{at}: the key #{key} is missing"]}
      other -> {nil, ["#{at}.#{key}: expected a text, got #{inspect(other)}"]}
    end
  end

  defp one_of(map, key, words, at) do
    with {value, []} <- text(map, key, at) do
      if value in words,
        do: {value, []},
        else:
          {nil,
           [
             "#{at}.#{key}: #{inspect(value)} is not known, expected #{Enum.join(words, ", ")}#{nearest(value, words)}"
           ]}
    end
  end

  defp optional(map, key, good?, what, default, at) do
    case Map.fetch(map, key) do
      :error ->
        {default, []}

      {:ok, value} ->
        if good?.(value),
          do: {value, []},
          else: {nil, ["#{at}.#{key}: expected #{what}, got #{inspect(value)}"]}
    end
  end

  defp unknown(map, known, at) do
    for key <- Map.keys(map), key not in known do
      place = if at == "", do: "", else: "#{at}: "

      "#{place}the key #{inspect(key)} is not known here, expected #{Enum.join(known, ", ")}#{nearest(key, known)}"
    end
  end

  defp nearest(word, words) do
    word = to_string(word)

    case words |> Enum.filter(&is_binary/1) |> Enum.max_by(&String.jaro_distance(word, &1), fn -> nil end) do
      nil -> ""
      best -> if String.jaro_distance(word, best) > 0.75, do: "; did you mean #{inspect(best)}?", else: ""
    end
  end

  defp error(file, problems), do: Error.new(:pipeline, Enum.map_join(problems, "\n", &"#{file}: #{&1}"))
end
