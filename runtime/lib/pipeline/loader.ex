defmodule Pipeline.Loader do
  @moduledoc """
  Reads a pipeline file, and says everything that is wrong with it at once, each with its place:
  `file.yaml:12: steps[3].prompt[1].type: "varable" …`. What has no effect is told in the pipeline's `warnings`.
  """

  alias Pipeline.Error
  alias Pipeline.Files.UserFile
  alias Pipeline.Loader.{Document, Fields, Note, Options, Source, Steps}

  @most_problems 100
  @workflow [
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
  @defaults [
    claude_model: :text,
    claude_options: :mapping,
    claude_preset: {:one_of, Options.presets()},
    gemini_model: :text,
    gemini_token_budget: :mapping,
    output_dir: :text
  ]

  @spec load(Path.t()) :: {:ok, Pipeline.t()} | {:error, Error.t()}
  def load(file) do
    case UserFile.read(file, Document.most_bytes()) do
      {:ok, text} -> parse(text, file)
      {:error, reason} -> {:error, error(["#{file}: #{reason}"])}
    end
  end

  @doc "The same for a text that is already here; `file` is where it stands, for messages and relative paths."
  @spec parse(binary(), Path.t()) :: {:ok, Pipeline.t()} | {:error, Error.t()}
  def parse(text, file) do
    case Document.decode(text) do
      {:ok, root, source} -> root |> pipeline(file) |> judged(file, source)
      {:error, problems} -> {:error, error(for {line, message} <- problems, do: located(file, line, message))}
    end
  end

  defp judged({pipeline, notes}, file, source) do
    lines =
      notes
      |> Enum.map(fn {severity, place, message} ->
        {Source.line_of(source, place), severity, place, message}
      end)
      |> Enum.sort_by(fn {line, _, _, _} -> line || 0 end)

    said = fn severity ->
      for {line, ^severity, place, message} <- lines, do: located(file, line, named(place) <> message)
    end

    case said.(:error) do
      [] -> {:ok, %{pipeline | warnings: said.(:warning)}}
      problems -> {:error, error(problems)}
    end
  end

  @doc "A mapping of names to values, from a YAML or JSON file."
  @spec variables(Path.t()) :: {:ok, %{String.t() => term()}} | {:error, Error.t()}
  def variables(file) do
    with {:ok, text} <- UserFile.read(file, Document.most_bytes()),
         {:ok, variables, _} <- Document.decode(text) do
      {:ok, variables}
    else
      {:error, reason} when is_binary(reason) ->
        {:error, Error.new(:usage, "#{file}: #{reason}")}

      {:error, problems} ->
        {:error,
         Error.new(:usage, Enum.map_join(problems, "\n", fn {line, said} -> located(file, line, said) end))}
    end
  end

  defp pipeline(%{"workflow" => workflow} = root, file) do
    place = ["workflow"]
    {values, notes} = Fields.read(workflow, place, @workflow)
    {_, extra} = Fields.read(root, [], workflow: :any)
    {defaults, defaulted} = defaults(values.defaults || %{}, ["defaults" | place])

    context = %{
      folder: Path.dirname(file),
      earlier: %{},
      defaults: defaults,
      functions: values.gemini_functions || %{}
    }

    {steps, stepped} =
      if values.steps, do: Steps.read(values.steps, ["steps" | place], context), else: {[], []}

    pipeline = %Pipeline{
      name: values.name,
      steps: steps,
      file: file,
      variables: Map.merge(values.input || %{}, values.variables || %{}),
      output_dir: defaults.output_dir
    }

    {pipeline, extra ++ notes ++ defaulted ++ stepped}
  end

  defp pipeline(root, _) do
    bare = if is_map_key(root, "steps"), do: ": put name and steps below it", else: ""
    {nil, [Note.error([], "the key workflow is missing at the top#{bare}")]}
  end

  defp defaults(defaults, place) do
    {values, notes} = Fields.read(defaults, place, @defaults)
    {options, optioned} = Options.claude(values.claude_options, ["claude_options" | place])
    {budget, budgeted} = Options.budget(values.gemini_token_budget, ["gemini_token_budget" | place])
    dir = values.output_dir

    outside =
      if dir && (Path.type(dir) != :relative or ".." in Path.split(dir)),
        do: [
          Note.error(["output_dir" | place], "expected a path below the working folder#{Note.got(dir)}")
        ],
        else: []

    {%{values | claude_options: options, gemini_token_budget: budget},
     notes ++ optioned ++ budgeted ++ outside}
  end

  defp named([]), do: ""
  defp named(place), do: "#{Document.name(place)}: "

  defp located(file, nil, message), do: "#{file}: #{message}"
  defp located(file, line, message), do: "#{file}:#{line}: #{message}"

  defp error(problems) do
    {told, more} = Enum.split(problems, @most_problems)
    rest = if more == [], do: [], else: ["and #{length(more)} more"]
    Error.new(:pipeline, Enum.join(told ++ rest, "\n"))
  end
end
