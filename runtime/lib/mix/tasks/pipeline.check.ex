defmodule Mix.Tasks.Pipeline.Check do
  @shortdoc "Tells whether a pipeline file can be executed"

  @moduledoc """
  Reads a pipeline file and tells everything that is wrong with it, without asking a model.

      mix pipeline.check FILE

  Reasons and warnings go to standard error, one a line: `FILE:LINE: steps[3].prompt[1]: reason`. Standard output ends
  with `✅ Pipeline valid: FILE` if there is none but warnings.

  ## Exit status

  0 the file can be executed, 1 it cannot, 2 the command line has to be changed.
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
          reasons = String.split(message, "\n")
          Enum.each(reasons, &IO.puts(:stderr, &1))
          {:error, %{error | message: "#{file}: #{length(reasons)} to be mended"}, 1}
      end
    end
  end
end
