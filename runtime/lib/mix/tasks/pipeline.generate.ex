defmodule Mix.Tasks.Pipeline.Generate do
  @shortdoc "Writes a plan from a prompt, with real or scripted models"

  @moduledoc """
  Executes a pipeline with a prompt and writes the plan to a new file.

      mix pipeline.generate PROMPT
      mix pipeline.generate --prompt-file FILE
      mix pipeline.generate -- "-- a prompt that begins with a dash"

  The words of PROMPT are joined by spaces. Standard output ends with `✅ Pipeline generated at PATH`. Standard error lists
  the tokens that each step used, by kind, even if a later step failed.

  `mix pipeline.generate.live` is the same command without `--rehearsal`.

  ## Options

    * `--prompt-file FILE` - read the prompt from this UTF-8 file instead of PROMPT. It may have up to 10,000,000 bytes
    * `--output PATH` - write the plan here. The file must not exist yet. The default is a new file under `generated/`
    * `--input NAME=FILE` - give the pipeline this file as its input NAME. Repeat the option for several inputs
    * `--pipeline FILE` - execute this pipeline instead of `priv/pipelines/genesis.yaml`
    * `--workspace DIR` - the folder in which steps read and write files. The default is a new folder under `workspaces/`,
      beside the output
    * `--report PATH` - write what the steps used to this new file, as JSON with the keys `steps` and `usage`. A run that
      fails writes it, too
    * `--rehearsal URL` - ask the scripted services at this address instead of the real ones, and send no key
    * `--seed N` - pass this seed to the providers that take one. With the same seed, they try to repeat their answers

  ## Environment and exit status

  See `mix help pipeline.generate.live`. With `--rehearsal`, no key is needed.
  """

  use Mix.Task

  @impl true
  def run(arguments),
    do: Pipeline.Command.Generate.main(__MODULE__, arguments, rehearsal: :string)
end
