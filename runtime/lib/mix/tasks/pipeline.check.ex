defmodule Mix.Tasks.Pipeline.Check do
  @shortdoc "Lists all problems of a pipeline file"

  @moduledoc """
  Lists all problems of a pipeline file. No model is asked.

      mix pipeline.check FILE
      mix pipeline.check --generate --input NAME=FILE FILE

  Problems and warnings go to standard error, one per line, each with its place:

      plan.yaml:12: steps[3].prompt[1].type: "varable" is not known, expected one of …; did you mean "variable"?

  If the file has no problem, or only warnings, standard output ends with `✅ Pipeline valid: FILE`.

  ## Options

    * `--generate` - also check that `mix pipeline.generate.live` can execute the pipeline with a prompt and these inputs. The
      pipeline has to take each input and to need no other, its files have to exist, its variables have to be set, and its
      steps have to write different files. No key is needed
    * `--input NAME=FILE` - an input of such an execution. Repeat the option for several inputs

  ## Exit status

    * 0 - the file can be executed
    * 1 - the file cannot be executed
    * 2 - the command line, or a variable of the environment, is wrong
  """

  use Mix.Task

  alias Pipeline.{Command, Error, Generate}
  alias Pipeline.Command.Options

  @impl true
  def run(arguments),
    do: Command.main(__MODULE__, arguments, [generate: :boolean, input: :keep], &check/2)

  defp check(options, words) do
    with {:ok, file} <- Options.file(words),
         {:ok, settings} <- settings(options) do
      case Options.pipeline(file) do
        {:ok, pipeline} -> check_execution(pipeline, settings, file)
        {:error, error} -> {:error, list_problems(error, file), 1}
      end
    end
  end

  defp check_execution(pipeline, settings, file) do
    case if(settings, do: Generate.check(pipeline, settings), else: :ok) do
      :ok -> {:ok, ["✅ Pipeline valid: #{file}"]}
      {:error, error} -> {:error, error, 1}
    end
  end

  # Print the problems, one per line. Return the error with their number.
  defp list_problems(%Error{message: message} = error, file) do
    problems = String.split(message, "\n")
    Enum.each(problems, &IO.puts(:stderr, &1))
    %{error | message: "#{file} has #{count(problems)}, listed above: correct the file"}
  end

  # Return the settings of the execution that --generate checks, or nil without the option.
  defp settings(options) do
    cond do
      options[:generate] -> Options.settings(options)
      options[:input] -> Command.usage_error("--input belongs to --generate: add --generate")
      true -> {:ok, nil}
    end
  end

  defp count([_]), do: "1 problem"
  defp count(problems), do: "#{length(problems)} problems"
end
