defmodule Pipeline.Executor.Preflight do
  @moduledoc """
  Checks a run before it pays for a model: inputs and files can be read, variables are set, there is a workspace if a step needs
  one, files can be written, and the providers can be called.

  Variables and keys that only steps with a condition need may be missing, because these steps may be skipped. The condition of
  a step often tests whether its variable is set.
  """

  alias Pipeline.{Error, Settings, Step}
  alias Pipeline.Executor.Prompt
  alias Pipeline.Files.{Output, Workspace}
  alias Pipeline.Model.{Ask, Providers}

  @doc "Return `:ok`, or an error for the first check that fails."
  @spec check(Pipeline.t(), %{String.t() => term()}, Settings.t(), Workspace.t() | nil) ::
          :ok | {:error, Error.t()}
  def check(pipeline, vars, settings, workspace) do
    with :ok <- check_values(pipeline, vars, settings),
         :ok <- check_workspace(pipeline, workspace),
         :ok <- check_rehearsal(pipeline, settings),
         :ok <- check_providers(pipeline, settings) do
      check_outputs(pipeline, settings)
    end
  end

  @doc """
  Check the inputs, the files, the variables, and the names of output files. Return `:ok`, or the first error.

  Unlike `check/4`, this function needs no key, no workspace and no output folder.
  """
  @spec check_values(Pipeline.t(), %{String.t() => term()}, Settings.t()) :: :ok | {:error, Error.t()}
  def check_values(pipeline, vars, settings) do
    with :ok <- check_inputs(pipeline, settings),
         :ok <- check_files(pipeline),
         :ok <- check_variables(pipeline, vars) do
      check_output_names(pipeline, output_paths(pipeline, settings))
    end
  end

  defp check_inputs(pipeline, settings) do
    inputs = Pipeline.inputs(pipeline)
    unknown = Map.keys(settings.inputs) -- Map.keys(inputs)
    missing = for {name, true} <- inputs, not Map.has_key?(settings.inputs, name), do: name

    case {unknown, missing} do
      {[], []} ->
        first_error(settings.inputs, &check_input/1)

      {[name | _], _} ->
        known = if inputs == %{}, do: "none", else: Enum.join(Map.keys(inputs), ", ")
        refuse(pipeline, "takes no input #{inspect(name)}; it takes #{known}")

      {[], [name | _]} ->
        refuse(pipeline, "needs the input #{inspect(name)}: give it with --input #{name}=FILE")
    end
  end

  defp check_input({_, {:text, _}}), do: :ok

  defp check_input({name, {:file, path}}) do
    case Prompt.read(path) do
      {:ok, _} -> :ok
      {:error, reason} -> {:error, Error.new(:usage, "the input #{name}: #{reason}")}
    end
  end

  defp check_files(pipeline) do
    files = for step <- Pipeline.all_steps(pipeline), {:file, path} <- Pipeline.parts(step), do: {step, path}

    first_error(files, fn {step, path} ->
      case Prompt.read(path) do
        {:ok, _} -> :ok
        {:error, reason} -> refuse(pipeline, "#{step.at}: #{reason}")
      end
    end)
  end

  # Each step sees the variables that earlier steps set. The steps of a parallel group do not see each other's.
  defp check_variables(pipeline, vars) do
    pipeline.steps
    |> Enum.reduce_while(Map.keys(vars), fn step, known ->
      case missing_variable(step, known) do
        nil -> {:cont, known ++ variables_set_by(step)}
        {step, name} -> {:halt, {step, name}}
      end
    end)
    |> case do
      {step, name} ->
        refuse(
          pipeline,
          "#{step.at}: needs the variable #{inspect(name)}, which neither the run, nor the workflow, nor an earlier step sets"
        )

      _ ->
        :ok
    end
  end

  defp missing_variable(%Step{condition: nil, action: {:parallel, steps, _}}, known),
    do: Enum.find_value(steps, &missing_variable(&1, known))

  defp missing_variable(%Step{condition: nil} = step, known) do
    Enum.find_value(Pipeline.parts(step), fn
      {:variable, name} -> if name not in known, do: {step, name}
      _ -> nil
    end)
  end

  defp missing_variable(_, _), do: nil

  defp variables_set_by(%Step{action: {:set_variable, values}}), do: Map.keys(values)
  defp variables_set_by(%Step{action: {:parallel, steps, _}}), do: Enum.flat_map(steps, &variables_set_by/1)
  defp variables_set_by(_), do: []

  defp check_workspace(pipeline, workspace) do
    if workspace == nil and Pipeline.needs_workspace?(pipeline),
      do: refuse(pipeline, "has steps that work on files, but the run has no workspace"),
      else: :ok
  end

  defp check_providers(pipeline, settings) do
    pipeline.steps
    |> Enum.flat_map(&unconditional_asks/1)
    |> Enum.map(&Providers.for_ask/1)
    |> Enum.uniq()
    |> first_error(& &1.preflight(settings))
  end

  defp unconditional_asks(%Step{condition: nil, action: %Ask{} = ask}), do: [ask]

  defp unconditional_asks(%Step{condition: nil, action: {:parallel, steps, _}}),
    do: Enum.flat_map(steps, &unconditional_asks/1)

  defp unconditional_asks(_), do: []

  defp output_paths(pipeline, settings) do
    for %Step{output_to_file: file} when file != nil <- Pipeline.all_steps(pipeline),
        do: Output.below(settings.output_dir || "/", file)
  end

  defp check_output_names(pipeline, paths) do
    cond do
      path = List.first(paths -- Enum.uniq(paths)) ->
        refuse(pipeline, "two steps write #{path} by output_to_file: give each step a file of its own")

      path = Enum.find(paths, fn path -> Enum.any?(paths, &String.starts_with?(&1, path <> "/")) end) ->
        refuse(
          pipeline,
          "one step writes #{path} by output_to_file, and for another step #{path} is a folder"
        )

      true ->
        :ok
    end
  end

  defp check_outputs(pipeline, settings) do
    case output_paths(pipeline, settings) do
      [] ->
        :ok

      _ when settings.output_dir == nil ->
        refuse(pipeline, "has steps that write files by output_to_file, but the run has no output folder")

      paths ->
        first_error(paths, &Output.check_writable(&1, "--output-dir"))
    end
  end

  # The claude program chooses its key and its address itself. A rehearsal cannot redirect it.
  defp check_rehearsal(pipeline, settings) do
    steps =
      for %Step{action: %Ask{provider: :claude_program}} = step <- Pipeline.all_steps(pipeline), do: step

    if settings.rehearsal? and steps != [],
      do:
        refuse(
          pipeline,
          "#{hd(steps).at}: the claude program cannot be rehearsed: it asks the real service"
        ),
      else: :ok
  end

  defp first_error(items, check) do
    Enum.find_value(items, :ok, fn item -> with :ok <- check.(item), do: nil end)
  end

  defp refuse(pipeline, message), do: {:error, Error.new(:pipeline, "#{pipeline.file}: #{message}")}
end
