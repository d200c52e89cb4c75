defmodule Pipeline.Ready do
  @moduledoc "What a run needs and can be known to lack before a model is paid for: inputs, files, folders."

  alias Pipeline.{Ask, Error, Output, Settings, Step, Workspace}

  @spec check(Pipeline.t(), Settings.t(), Workspace.t() | nil) :: :ok | {:error, Error.t()}
  def check(pipeline, settings, workspace) do
    with :ok <- inputs(pipeline, settings),
         :ok <- files(pipeline),
         :ok <- workspace(pipeline, workspace),
         :ok <- outputs(pipeline, settings) do
      rehearsal(pipeline, settings)
    end
  end

  defp inputs(pipeline, settings) do
    taken = Pipeline.inputs(pipeline)
    unknown = Map.keys(settings.inputs) -- Map.keys(taken)
    missing = for {name, true} <- taken, not Map.has_key?(settings.inputs, name), do: name

    case {unknown, missing} do
      {[], []} ->
        :ok

      {[name | _], _} ->
        takes = if taken == %{}, do: "none", else: Enum.join(Map.keys(taken), ", ")
        refused(pipeline, "takes no input #{inspect(name)}; it takes #{takes}")

      {[], [name | _]} ->
        refused(pipeline, "needs the input #{inspect(name)}: --input #{name}=FILE")
    end
  end

  defp files(pipeline) do
    missing =
      for step <- Pipeline.all_steps(pipeline),
          {:file, path} <- Pipeline.parts(step),
          not File.regular?(path),
          do: {step, path}

    case missing do
      [] -> :ok
      [{step, path} | _] -> refused(pipeline, "#{step.at}: there is no file #{path}")
    end
  end

  defp workspace(pipeline, workspace) do
    if workspace == nil and Pipeline.needs_workspace?(pipeline),
      do: refused(pipeline, "works on files, and was given no workspace"),
      else: :ok
  end

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

      path = Enum.find(paths, &File.exists?/1) ->
        {:error, Error.new(:usage, "#{path} exists already: name a new folder with --output-dir")}

      true ->
        :ok
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

  defp refused(pipeline, message), do: {:error, Error.new(:pipeline, "#{pipeline.file}: #{message}")}
end
