defmodule Pipeline.Loader do
  @moduledoc """
  Reads a pipeline file and checks it.

      {:ok, pipeline} = Pipeline.Loader.load("plan.yaml")
      pipeline.warnings

  An error lists all problems of the file, one per line, each with its place:

      plan.yaml:12: steps[3].prompt[1].type: "varable" is not known, expected one of …; did you mean "variable"?

  Keys that have no effect are listed in the same form in the pipeline's `warnings`.

  The modules below this one divide the work. `Pipeline.Loader.Document` decodes the YAML. `Pipeline.Loader.Source` knows the
  line of each place. `Pipeline.Loader.Fields` reads the keys of a mapping. `Pipeline.Loader.Steps` reads the steps.
  """

  alias Pipeline.Error
  alias Pipeline.Files.UserFile
  alias Pipeline.Loader.{Document, Fields, Note, Options, Source, Steps}

  # An error lists at most this number of problems.
  @max_problems 100
  @workflow_keys [
    name: {:required, :text},
    description: :text,
    version: :any,
    metadata: :any,
    input: :mapping,
    variables: :mapping,
    defaults: :mapping,
    gemini_functions: :mapping,
    steps: {:required, :any}
  ]
  @default_keys [
    claude_model: :text,
    claude_options: :mapping,
    claude_preset: {:one_of, Options.presets()},
    gemini_model: :text,
    gemini_token_budget: :mapping,
    output_dir: :text
  ]

  @doc "Read a pipeline file. A relative path in the file starts at the folder of the file."
  @spec load(Path.t()) :: {:ok, Pipeline.t()} | {:error, Error.t()}
  def load(file) do
    case UserFile.read(file, Document.max_bytes()) do
      {:ok, text} -> parse(text, file)
      {:error, reason} -> {:error, error(["#{file}: #{reason}"])}
    end
  end

  @doc "Read a pipeline from the text of a file. `file` is the path of the text, for messages and relative paths."
  @spec parse(binary(), Path.t()) :: {:ok, Pipeline.t()} | {:error, Error.t()}
  def parse(text, file) do
    case Document.decode(text) do
      {:ok, root, source} -> root |> pipeline(file) |> check_notes(file, source)
      {:error, problems} -> {:error, error(for {line, message} <- problems, do: located(file, line, message))}
    end
  end

  # Return the pipeline with its warnings, or an error with all problems, in the order of their lines.
  defp check_notes({pipeline, notes}, file, source) do
    notes_with_lines =
      notes
      # Several steps may use the same function, with the same problem.
      |> Enum.uniq()
      |> Enum.map(fn {severity, place, message} ->
        {Source.line_of(source, place), severity, place, message}
      end)
      |> Enum.sort_by(fn {line, _, _, _} -> line || 0 end)

    messages = fn severity ->
      for {line, ^severity, place, message} <- notes_with_lines,
          do: located(file, line, prefix(place) <> message)
    end

    case messages.(:error) do
      [] -> {:ok, %{pipeline | warnings: messages.(:warning)}}
      problems -> {:error, error(problems)}
    end
  end

  @doc "Read variables, by name, from a YAML or JSON file with one mapping."
  @spec variables(Path.t()) :: {:ok, %{String.t() => term()}} | {:error, Error.t()}
  def variables(file) do
    with {:ok, text} <- UserFile.read(file, Document.max_bytes()),
         {:ok, variables, _} <- Document.decode(text) do
      {:ok, variables}
    else
      {:error, reason} when is_binary(reason) ->
        {:error, Error.new(:usage, "#{file}: #{reason}")}

      {:error, problems} ->
        lines = Enum.map_join(problems, "\n", fn {line, message} -> located(file, line, message) end)
        {:error, Error.new(:usage, lines)}
    end
  end

  defp pipeline(%{"workflow" => workflow} = root, file) do
    place = ["workflow"]
    {values, notes} = Fields.read(workflow, place, @workflow_keys)
    {_, root_notes} = Fields.read(root, [], workflow: :any)
    {defaults, default_notes} = defaults(values.defaults || %{}, ["defaults" | place])

    context = %{
      folder: Path.dirname(file),
      answer_kinds: %{},
      defaults: defaults,
      functions: values.gemini_functions || %{}
    }

    {steps, step_notes} =
      if values.steps, do: Steps.read(values.steps, ["steps" | place], context), else: {[], []}

    pipeline = %Pipeline{
      name: values.name,
      steps: steps,
      file: file,
      variables: Map.merge(values.input || %{}, values.variables || %{}),
      output_dir: defaults.output_dir
    }

    {pipeline, root_notes ++ notes ++ default_notes ++ step_notes}
  end

  defp pipeline(root, _) do
    hint = if is_map_key(root, "steps"), do: ": put name and steps below it", else: ""
    {nil, [Note.error([], "the key workflow is missing at the top#{hint}")]}
  end

  defp defaults(defaults, place) do
    {values, notes} = Fields.read(defaults, place, @default_keys)
    {options, option_notes} = Options.claude(values.claude_options, ["claude_options" | place])
    {budget, budget_notes} = Options.budget(values.gemini_token_budget, ["gemini_token_budget" | place])
    folder = values.output_dir

    folder_notes =
      if folder && (Path.type(folder) != :relative or ".." in Path.split(folder)),
        do: [
          Note.error(["output_dir" | place], "expected a path below the working folder#{Note.got(folder)}")
        ],
        else: []

    {%{values | claude_options: options, gemini_token_budget: budget},
     notes ++ option_notes ++ budget_notes ++ folder_notes}
  end

  defp prefix([]), do: ""
  defp prefix(place), do: "#{Document.name(place)}: "

  defp located(file, nil, message), do: "#{file}: #{message}"
  defp located(file, line, message), do: "#{file}:#{line}: #{message}"

  defp error(problems) do
    {listed, others} = Enum.split(problems, @max_problems)
    summary = if others == [], do: [], else: ["and #{length(others)} more"]
    Error.new(:pipeline, Enum.join(listed ++ summary, "\n"))
  end
end
