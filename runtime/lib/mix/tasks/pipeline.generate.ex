defmodule Mix.Tasks.Pipeline.Generate do
  @shortdoc "Has a pipeline write a plan from a prompt, in a rehearsal if wanted"

  @moduledoc """
  Executes a pipeline with a prompt, and writes what it generated to a new file.

      mix pipeline.generate PROMPT
      mix pipeline.generate --prompt-file FILE
      mix pipeline.generate -- "-- a prompt that begins with a dash"

  The words of PROMPT are joined by spaces. Standard output ends with `✅ Pipeline generated at PATH`.
  Standard error has what each step used, in tokens and US dollars, also where a later one failed.

  ## Options

    * `--prompt-file FILE` - the prompt, as UTF-8, instead of PROMPT: for prompts of any length
    * `--output PATH` - where to write; it must not exist yet. By default a new file under `generated/`
    * `--input NAME=FILE` - a file that the pipeline takes beside the prompt; may be given several times
    * `--pipeline FILE` - the pipeline, instead of `priv/pipelines/genesis.yaml`
    * `--workspace DIR` - where steps read and write files, instead of a new folder under `workspaces/` beside the output
    * `--rehearsal URL` - ask the scripted services at this address instead of the real ones, and send no key
    * `--seed N` - which sample of the model is meant, where its provider takes a seed

  ## Environment

  `GEMINI_API_KEY` (or `GOOGLE_API_KEY`) and `ANTHROPIC_API_KEY`, as the pipeline's steps need them.
  `GOOGLE_GEMINI_BASE_URL` and `ANTHROPIC_BASE_URL` point elsewhere than at the public services.
  `PIPELINE_HTTP_TIMEOUT_MS` bounds one call of a provider, ten minutes by default.

  ## Exit status

  0 done, 1 failed, 2 something has to be changed by the user. An error goes to standard error, its last line is
  `❌ KIND: message`, and no file is left.
  """

  use Mix.Task

  @impl true
  def run(arguments),
    do: Pipeline.Command.Generate.main(__MODULE__, arguments, rehearsal: :string)
end
