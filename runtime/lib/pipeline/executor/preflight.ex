defmodule Pipeline.Executor.Preflight do
  @moduledoc """
  What a run needs and can be known to lack before a model is paid for: inputs and files that can be read, variables, a
  workspace, folders that can be written to, the keys of its providers.

  A step with a condition may be skipped. Of what only such steps take, variables and keys are not asked for: a condition may
  be there because they are missing.
  """

  alias Pipeline.{Error, Settings, Step}
  alias Pipeline.Executor.Prompt
  alias Pipeline.Files.{Output, Workspace}
  alias Pipeline.Model.{Ask, Providers}

  @spec check(Pipeline.t(), %{String.t() => term()}, Settings.t(), Workspace.t() | nil) ::
          :ok | {:error, Error.t()}
  def check(pipeline, vars, settings, workspace) do
    with :ok <- inputs(pipeline, settings),
         :ok <- files(pipeline),
         :ok <- variables(pipeline, vars),
         :ok <- workspace(pipeline, workspace),
         :ok <- rehearsal(pipeline, settings),
         :ok <- providers(pipeline, settings) do
      outputs(pipeline, settings)
    end
  end

  defp inputs(pipeline, settings) do
    taken = Pipeline.inputs(pipeline)
    unknown = Map.keys(settings.inputs) -- Map.keys(taken)
    missing = for {name, true} <- taken, not Map.has_key?(settings.inputs, name), do: name

    case {unknown, missing} do
      {[], []} ->
        first_error(settings.inputs, &input/1)

      {[name | _], _} ->
        takes = if taken == %{}, do: "none", else: Enum.join(Map.keys(taken), ", ")
        refused(pipeline, "takes no input #{inspect(name)}; it takes #{takes}")

      {[], [name | _]} ->
        refused(pipeline, "needs the input #{inspect(name)}: --input #{name}=FILE")
    end
  end

  defp input({_, {:text, _}}), do: :ok

  defp input({name, {:file, path}}) do
    case Prompt.read(path) do
      {:ok, _} -> :ok
      {:error, reason} -> {:error, Error.new(:usage, "the input #{name}: #{reason}")}
    end
  end

  defp files(pipeline) do
    taken = for step <- Pipeline.all_steps(pipeline), {:file, path} <- Pipeline.parts(step), do: {step, path}

    first_error(taken, fn {step, path} ->
      case Prompt.read(path) do
        {:ok, _} -> :ok
        {:error, reason} -> refused(pipeline, "#{step.at}: #{reason}")
      end
    end)
  end

  # Which there may be grows from step to step. Those of a parallel group do not see each other's.
  defp variables(pipeline, vars) do
    pipeline.steps
    |> Enum.reduce_while(Map.keys(vars), fn step, known ->
      case missing(step, known) do
        nil -> {:cont, known ++ set(step)}
        {step, name} -> {:halt, {step, name}}
      end
    end)
    |> case do
      {step, name} ->
        what = "#{step.at}: needs the variable #{inspect(name)}"
        refused(pipeline, "#{what}, which neither the run, nor the workflow, nor a step before it gives")

      _ ->
        :ok
    end
  end

  defp missing(%Step{condition: nil, action: {:parallel, steps, _}}, known),
    do: Enum.find_value(steps, &missing(&1, known))

  defp missing(%Step{condition: nil} = step, known) do
    Enum.find_value(Pipeline.parts(step), fn
      {:variable, name} -> if name not in known, do: {step, name}
      _ -> nil
    end)
  end

  defp missing(_, _), do: nil

  defp set(%Step{action: {:set_variable, values}}), do: Map.keys(values)
  defp set(%Step{action: {:parallel, steps, _}}), do: Enum.flat_map(steps, &set/1)
  defp set(_), do: []

  defp workspace(pipeline, workspace) do
    if workspace == nil and Pipeline.needs_workspace?(pipeline),
      do: refused(pipeline, "works on files, and was given no workspace"),
      else: :ok
  end

  defp providers(pipeline, settings) do
    pipeline.steps
    |> Enum.flat_map(&asked/1)
    |> Enum.map(&Providers.for_ask/1)
    |> Enum.uniq()
    |> first_error(& &1.preflight(settings))
  end

  defp asked(%Step{condition: nil, action: %Ask{} = ask}), do: [ask]
  defp asked(%Step{condition: nil, action: {:parallel, steps, _}}), do: Enum.flat_map(steps, &asked/1)
  defp asked(_), do: []

  defp outputs(pipeline, settings) do
    written = for %Step{output_to_file: file} when file != nil <- Pipeline.all_steps(pipeline), do: file
    paths = Enum.map(written, &Output.below(settings.output_dir || "/", &1))

    cond do
      written == [] ->
        :ok

      settings.output_dir == nil ->
        refused(pipeline, "writes files by output_to_file, and was given no folder for them")

      path = List.first(paths -- Enum.uniq(paths)) ->
        refused(pipeline, "two steps write #{path} by output_to_file")

      path = Enum.find(paths, fn path -> Enum.any?(paths, &String.starts_with?(&1, path <> "/")) end) ->
        refused(pipeline, "one step writes #{path} by output_to_file, and another one takes it for a folder")

      true ->
        first_error(paths, &Output.check_writable(&1, "--output-dir"))
    end
  end

  # The program has a key of its own and goes where it likes.
  defp rehearsal(pipeline, settings) do
    programs =
      for %Step{action: %Ask{provider: :claude_program}} = step <- Pipeline.all_steps(pipeline), do: step

    if settings.rehearsal? and programs != [],
      do:
        refused(
          pipeline,
          "#{hd(programs).at}: the claude program cannot be rehearsed: it asks the real service"
        ),
      else: :ok
  end

  defp first_error(items, check) do
    Enum.find_value(items, :ok, fn item -> with :ok <- check.(item), do: nil end)
  end

  defp refused(pipeline, message), do: {:error, Error.new(:pipeline, "#{pipeline.file}: #{message}")}
end
