defmodule Mix.Tasks.Pipeline.Check do
  @shortdoc "Lists all problems of a pipeline file"

  @moduledoc """
  Lists all problems of a pipeline file. No model is asked.

      mix pipeline.check FILE

  Problems and warnings go to standard error, one per line, each with its place:

      plan.yaml:12: steps[3].prompt[1].type: "varable" is not known, expected one of …; did you mean "variable"?

  If the file has no problem, or only warnings, standard output ends with `✅ Pipeline valid: FILE`.

  ## Exit status

    * 0 - the file can be executed
    * 1 - the file cannot be executed
    * 2 - the command line is wrong
  """

  use Mix.Task

  alias Pipeline.{Command, Error}
  alias Pipeline.Command.Options

  @impl true
  def run(arguments), do: Command.main(__MODULE__, arguments, [], &check/2)

  defp check(_, words) do
    with {:ok, file} <- Options.file(words) do
      case Options.pipeline(file) do
        {:ok, _} ->
          {:ok, ["✅ Pipeline valid: #{file}"]}

        {:error, %Error{message: message} = error} ->
          problems = String.split(message, "\n")
          Enum.each(problems, &IO.puts(:stderr, &1))
          {:error, %{error | message: "#{file} has #{count(problems)}, listed above: correct the file"}, 1}
      end
    end
  end

  defp count([_]), do: "1 problem"
  defp count(problems), do: "#{length(problems)} problems"
end
