defmodule Pipeline.Command.Generate do
  @moduledoc """
  Implements `mix pipeline.generate` and `mix pipeline.generate.live`. The two commands differ only in the options that
  they take: a live run cannot be a rehearsal.
  """

  alias Pipeline.{Command, Generate, UsageReport}
  alias Pipeline.Command.Options

  @switches [
    prompt_file: :string,
    output: :string,
    input: :keep,
    pipeline: :string,
    workspace: :string,
    seed: :integer
  ]

  @doc "Run the task. `extra_switches` are the options that only this task takes."
  @spec main(module(), [String.t()], Command.switches()) :: :ok
  def main(task, arguments, extra_switches \\ []) do
    Command.main(task, arguments, @switches ++ extra_switches, fn options, words ->
      with {:ok, prompt} <- Options.prompt(options, words),
           {:ok, settings} <- Options.settings(options),
           output = Path.expand(options[:output] || Generate.fresh_path(File.cwd!())),
           {:ok, pipeline} <- Options.pipeline(options[:pipeline] || Generate.genesis()),
           workspace = options[:workspace] && Path.expand(options[:workspace]),
           {:ok, path, result} <- Generate.generate(prompt, pipeline, output, settings, workspace) do
        print_usage(result)
        {:ok, ["✅ Pipeline generated at #{path}"]}
      else
        {:error, error} ->
          print_usage(error)
          {:error, error}
      end
    end)
  end

  # Print on standard error: programs expect only the line with the path on standard output.
  defp print_usage(result_or_error),
    do: Enum.each(UsageReport.lines(result_or_error), &IO.puts(:stderr, &1))
end
