defmodule Mix.Tasks.Pipeline.Generate.Live do
  @shortdoc "Has a pipeline write a plan from a prompt"

  @moduledoc """
  Executes a pipeline with a prompt, and writes what it generated to a new file.

      mix pipeline.generate.live PROMPT
      mix pipeline.generate.live --prompt-file FILE
      mix pipeline.generate.live -- "-- a prompt that begins with a dash"

  The words of PROMPT are joined by spaces. Standard output ends with `✅ Pipeline generated at PATH`.
  Standard error has what each step used, in tokens by kind, also where a later one failed.

  ## Options

    * `--prompt-file FILE` - the prompt, as UTF-8, instead of PROMPT: for prompts of any length
    * `--output PATH` - where to write; it must not exist yet. By default a new file under `generated/`
    * `--input NAME=FILE` - a file that the pipeline takes beside the prompt; may be given several times
    * `--pipeline FILE` - the pipeline, instead of `priv/pipelines/genesis.yaml`
    * `--workspace DIR` - where steps read and write files, instead of a new folder under `workspaces/` beside the output
    * `--seed N` - which sample of the model is meant, where its provider takes a seed

  ## Environment

  `GEMINI_API_KEY` (or `GOOGLE_API_KEY`) and `ANTHROPIC_API_KEY`, as the pipeline's steps need them.
  `GOOGLE_GEMINI_BASE_URL` and `ANTHROPIC_BASE_URL` point elsewhere than at the public services.
  `PIPELINE_HTTP_TIMEOUT_MS` bounds one call of a provider, ten minutes by default. `PIPELINE_RETRIES` says how often a
  call that a provider failed at is made again, 3 times by default, and `PIPELINE_RETRY_BASE_MS` how long the first wait may
  be, 500 by default: it doubles with each. A provider that asks for a longer wait than a minute is not
  asked again. `SSL_CERT_FILE` names a file of CA certificates to trust instead of the operating system's.

  A VM that ends for lack of memory writes its memory to a file, keys and prompts with it. `ERL_CRASH_DUMP_BYTES=0` keeps
  it from doing so.

  ## Exit status

  0 done, 1 failed, 2 something has to be changed by the user. An error goes to standard error, its last line is
  `❌ KIND: message`, and no file is left.
  """

  use Mix.Task

  @impl true
  def run(arguments), do: Pipeline.Command.Generate.main(__MODULE__, arguments)
end
