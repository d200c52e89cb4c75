defmodule Mix.Tasks.Pipeline.Run do
  @shortdoc "Executes a pipeline file"

  @moduledoc """
  Executes a pipeline file with variables.

      mix pipeline.run FILE
      mix pipeline.run FILE --var language=Elixir --vars-file vars.yaml

  Everything that came of it is written to `result.json` in the run's output folder, beside what steps wrote there by
  `output_to_file`: the last `reply`, `answers` by step, `steps` with status, seconds and usage, `usage` with calls and
  tokens by kind and by model (the model that was asked, and the one that answered), `files`, `workspace`. Standard output ends with `✅ Pipeline completed: PATH`, the path of that file.

  ## Options

    * `--var NAME=VALUE` - a variable, as text; may be given several times
    * `--vars-file FILE` - variables of any kind, as one YAML or JSON mapping; `--var` goes before it
    * `--input NAME=FILE` - a file that the pipeline takes; may be given several times
    * `--output-dir DIR` - the output folder, instead of a new one below the pipeline's `output_dir`, or `outputs/`
    * `--workspace DIR` - where steps read and write files, instead of a new folder under `workspaces/` beside the output
    * `--rehearsal URL` - ask the scripted services at this address instead of the real ones, and send no key
    * `--seed N` - which sample of the model is meant, where its provider takes a seed
    * `--json` - print the contents of `result.json`, instead of the line with its path; of a run that failed, an object
      with `error` (`kind` and `message`), and the `steps` and `usage` until then

  ## Environment and exit status

  As of `mix pipeline.generate.live`.
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
         :ok <- Options.warn_of_untaken(options, pipeline),
         folder = settings.output_dir || fresh_folder(pipeline),
         workspace = Path.expand(options[:workspace] || beside(folder)),
         {:ok, path, report, warnings} <- Run.run(pipeline, vars, %{settings | output_dir: folder}, workspace) do
      Enum.each(warnings, &IO.puts(:stderr, "warning: #{&1}"))
      {:ok, if(options[:json], do: [JSON.encode(report)], else: ["✅ Pipeline completed: #{path}"])}
    else
      {:error, error} -> failed(error, options[:json])
    end
  end

  defp failed(%Error{kind: kind, message: message} = error, true) do
    said = Map.merge(UsageReport.json(error), %{error: %{kind: kind, message: message}})
    IO.puts(JSON.encode(said))
    {:error, error}
  end

  defp failed(error, _) do
    Enum.each(UsageReport.lines(error), &IO.puts(:stderr, &1))
    {:error, error}
  end

  defp fresh_folder(pipeline),
    do: Path.expand(Path.join(pipeline.output_dir || "outputs", Output.fresh_name()))

  defp beside(folder), do: Path.join([Path.dirname(folder), "workspaces", Output.fresh_name()])
end
