defmodule Mix.Tasks.Pipeline.Generate.Live do
  @shortdoc "Writes a plan from a prompt"

  @moduledoc """
  Executes a pipeline with a prompt and writes the plan to a new file.

      mix pipeline.generate.live PROMPT
      mix pipeline.generate.live --prompt-file FILE
      mix pipeline.generate.live -- "-- a prompt that begins with a dash"

  The words of PROMPT are joined by spaces. Standard output ends with `✅ Pipeline generated at PATH`. Standard error lists
  the tokens that each step used, by kind, even if a later step failed.

  ## Options

    * `--prompt-file FILE` - read the prompt from this UTF-8 file instead of PROMPT. It may have up to 10,000,000 bytes
    * `--output PATH` - write the plan here. The file must not exist yet. The default is a new file under `generated/`
    * `--input NAME=FILE` - give the pipeline this file as its input NAME. Repeat the option for several inputs
    * `--pipeline FILE` - execute this pipeline instead of `priv/pipelines/genesis.yaml`
    * `--workspace DIR` - the folder in which steps read and write files. The default is a new folder under `workspaces/`,
      beside the output
    * `--report PATH` - write what the steps used to this new file, as JSON with the keys `steps` and `usage`. A run that
      fails writes it, too
    * `--seed N` - pass this seed to the providers that take one. With the same seed, they try to repeat their answers

  ## Environment

    * `GEMINI_API_KEY` (or `GOOGLE_API_KEY`), `ANTHROPIC_API_KEY` - the keys of the providers that the pipeline asks
    * `GOOGLE_GEMINI_BASE_URL`, `ANTHROPIC_BASE_URL` - addresses to use instead of the public services
    * `PIPELINE_HTTP_TIMEOUT_MS` - the time limit of one call to a provider. The default is ten minutes
    * `PIPELINE_RETRIES` - how often a call is repeated if the provider failed. The default is 3
    * `PIPELINE_RETRY_BASE_MS` - the longest wait before the first retry. It doubles with each retry. The default is 500
    * `SSL_CERT_FILE` - a file of CA certificates to trust instead of the operating system's
    * `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY` - the proxies for calls of the services, and the hosts that are called without a proxy
    * `ERL_CRASH_DUMP_BYTES` - set it to 0, so that no crash dump is written. Without it, a VM that runs out of memory writes
      its memory to a file, with the keys and the prompts in it

  If a provider asks by `Retry-After` for a pause of more than a minute, the call is not repeated.

  ## Exit status

    * 0 - the plan is written
    * 1 - the run failed
    * 2 - the user has to change something

  An error goes to standard error, whose last line is then `❌ KIND: message`. A run that fails writes no plan.
  """

  use Mix.Task

  @impl true
  def run(arguments), do: Pipeline.Command.Generate.main(__MODULE__, arguments)
end
