defmodule Mix.Tasks.Pipeline.Run do
  @shortdoc "Executes a pipeline file"

  @moduledoc """
  Executes a pipeline file with variables and writes the results to `result.json`.

      mix pipeline.run FILE
      mix pipeline.run FILE --var language=Elixir --vars-file vars.yaml

  Standard output ends with `✅ Pipeline completed: PATH`, the path of `result.json`. This file is in the run's output folder,
  beside the files that steps wrote by `output_to_file`. It has these keys:

    * `pipeline` - the name of the pipeline
    * `reply` - the last step's answer, as text
    * `answers` - the answer of every step that was not skipped, by the step's name
    * `steps` - every step's name, status, seconds and usage
    * `usage` - the calls and tokens that all steps used, by kind and by model. An entry of `models` has the model that was
      asked (`asked`) and the model that answered (`model`)
    * `files` - the paths of the files that steps wrote by `output_to_file`
    * `workspace` - the run's workspace, or null if no step needs one

  ## Options

    * `--var NAME=VALUE` - set a variable to a text. Repeat the option for several variables
    * `--vars-file FILE` - read variables of any type from a file with one YAML or JSON mapping. `--var` takes precedence
    * `--input NAME=FILE` - give the pipeline this file as its input NAME. Repeat the option for several inputs
    * `--output-dir DIR` - the output folder. The default is a new folder below the pipeline's `output_dir`, or below
      `outputs/`
    * `--workspace DIR` - the folder in which steps read and write files. The default is a new folder under `workspaces/`,
      beside the output folder
    * `--rehearsal URL` - ask the scripted services at this address instead of the real ones, and send no key
    * `--seed N` - pass this seed to the providers that take one. With the same seed, they try to repeat their answers
    * `--json` - print the contents of `result.json` instead of its path. If the run failed, print an object with `error`
      (`kind` and `message`), and with the `steps` and the `usage` until the error

  ## Environment and exit status

  See `mix help pipeline.generate.live`.
  """

  use Mix.Task

  alias Pipeline.{Command, Error, Run, UsageReport}
  alias Pipeline.Command.Options
  alias Pipeline.Files.Output
  alias Pipeline.Value.JSON

  @switches [
    var: :keep,
    vars_file: :string,
    input: :keep,
    output_dir: :string,
    workspace: :string,
    rehearsal: :string,
    seed: :integer,
    json: :boolean
  ]

  @impl true
  def run(arguments), do: Command.main(__MODULE__, arguments, @switches, &execute/2)

  defp execute(options, words) do
    with {:ok, file} <- Options.file(words),
         {:ok, vars} <- Options.variables(options),
         {:ok, settings} <- Options.settings(options),
         {:ok, pipeline} <- Options.pipeline(file),
         :ok <- Options.warn_of_unused_variables(options, pipeline),
         folder = settings.output_dir || new_output_folder(pipeline),
         workspace = Path.expand(options[:workspace] || new_workspace_beside(folder)),
         {:ok, path, report, warnings} <- Run.run(pipeline, vars, %{settings | output_dir: folder}, workspace) do
      Enum.each(warnings, &IO.puts(:stderr, "warning: #{&1}"))
      {:ok, if(options[:json], do: [JSON.encode(report)], else: ["✅ Pipeline completed: #{path}"])}
    else
      {:error, error} -> report_failure(error, options[:json])
    end
  end

  defp report_failure(%Error{kind: kind, message: message} = error, true) do
    report = Map.merge(UsageReport.json(error), %{error: %{kind: kind, message: message}})
    IO.puts(JSON.encode(report))
    {:error, error}
  end

  defp report_failure(error, _) do
    Enum.each(UsageReport.lines(error), &IO.puts(:stderr, &1))
    {:error, error}
  end

  defp new_output_folder(pipeline),
    do: Path.expand(Path.join(pipeline.output_dir || "outputs", Output.fresh_name()))

  defp new_workspace_beside(folder), do: Path.join([Path.dirname(folder), "workspaces", Output.fresh_name()])
end
