defmodule Mix.Tasks.Pipeline.Generate do
  @shortdoc "Writes a plan from a prompt, with real or scripted models"

  @moduledoc """
  Executes a pipeline with a prompt and writes the plan to a new file.

      mix pipeline.generate PROMPT
      mix pipeline.generate --prompt-file FILE
      mix pipeline.generate -- "-- a prompt that begins with a dash"

  The words of PROMPT are joined by spaces. Standard output ends with `✅ Pipeline generated at PATH`. Standard error lists
  the tokens that each step used, even if a later step failed.

  `mix pipeline.generate.live` is the same command without `--rehearsal`.

  ## Options

    * `--prompt-file FILE` - read the prompt from this UTF-8 file instead of PROMPT. A file may hold a prompt of any length
    * `--output PATH` - write the plan here. The file must not exist yet. The default is a new file under `generated/`
    * `--input NAME=FILE` - give the pipeline this file as its input NAME. Repeat the option for several inputs
    * `--pipeline FILE` - execute this pipeline instead of `priv/pipelines/genesis.yaml`
    * `--workspace DIR` - the folder in which steps read and write files. The default is a new folder under `workspaces/`,
      beside the output
    * `--report PATH` - write what the steps used to this new file, as JSON with the keys `steps` and `usage`. A run that
      fails writes it, too
    * `--rehearsal URL` - ask the scripted services at this address instead of the real ones, and send no key
    * `--seed N` - pass this seed to the providers that take one. The same seed asks for the same sample

  ## Environment

    * `GEMINI_API_KEY` (or `GOOGLE_API_KEY`), `ANTHROPIC_API_KEY` - the keys of the providers that the pipeline asks
    * `GOOGLE_GEMINI_BASE_URL`, `ANTHROPIC_BASE_URL` - addresses to use instead of the public services
    * `PIPELINE_HTTP_TIMEOUT_MS` - the time limit of one call to a provider. The default is ten minutes
    * `PIPELINE_RETRIES` - how often a call is repeated if the provider failed. The default is 3
    * `PIPELINE_RETRY_BASE_MS` - the longest wait before the first retry. It doubles with each retry. The default is 500

  If a provider asks by `Retry-After` for a pause of more than a minute, the call is not repeated.

  ## Exit status

    * 0 - the plan is written
    * 1 - the run failed
    * 2 - the user has to change something

  An error goes to standard error. Its last line is `❌ KIND: message`. A run that fails leaves no file.
  """

  use Mix.Task

  @impl true
  def run(arguments),
    do: Pipeline.Command.Generate.main(__MODULE__, arguments, rehearsal: :string)
end
