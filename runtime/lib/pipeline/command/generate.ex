defmodule Pipeline.Command.Generate do
  @moduledoc """
  Implements `mix pipeline.generate` and `mix pipeline.generate.live`. The two commands differ only in the options that
  they take: a live run cannot be a rehearsal.
  """

  alias Pipeline.{Command, Generate, UsageReport}
  alias Pipeline.Command.Options
  alias Pipeline.Files.Output
  alias Pipeline.Value.JSON

  @switches [
    prompt_file: :string,
    output: :string,
    input: :keep,
    pipeline: :string,
    workspace: :string,
    seed: :integer,
    report: :string
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
           :ok <- check_report(options[:report]) do
        prompt |> Generate.generate(pipeline, output, settings, workspace) |> reported(options[:report])
      end
    end)
  end

  defp check_report(nil), do: :ok
  defp check_report(report), do: Output.check_writable(Path.expand(report), "--report")

  # A run that failed has used tokens, too.
  defp reported(outcome, report) do
    used = elem(outcome, tuple_size(outcome) - 1)
    print_usage(used)

    with :ok <- write_report(report, used) do
      case outcome do
        {:ok, path, _} -> {:ok, ["✅ Pipeline generated at #{path}"]}
        {:error, error} -> {:error, error}
      end
    end
  end

  defp write_report(nil, _), do: :ok

  defp write_report(report, used),
    do: Output.write_new(Path.expand(report), [JSON.encode(UsageReport.json(used)), "\n"])

  # Print on standard error: programs expect only the line with the path on standard output.
  defp print_usage(result_or_error),
    do: Enum.each(UsageReport.lines(result_or_error), &IO.puts(:stderr, &1))
end
