defmodule Pipeline.Command.Generate do
  @moduledoc """
  Implements `mix pipeline.generate` and `mix pipeline.generate.live`. They differ only in one option: a live run cannot be a
  rehearsal.
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
        prompt |> Generate.generate(pipeline, output, settings, workspace) |> report(options[:report])
      end
    end)
  end

  defp check_report(nil), do: :ok
  defp check_report(path), do: Output.check_writable(Path.expand(path), "--report")

  # Report what the steps used. A run that failed has used tokens, too.
  defp report({:ok, path, result}, report_path) do
    with :ok <- report_usage(result, report_path), do: {:ok, ["✅ Pipeline generated at #{path}"]}
  end

  defp report({:error, error}, report_path) do
    with :ok <- report_usage(error, report_path), do: {:error, error}
  end

  # Print the usage on standard error: programs expect only the line with the plan's path on standard output.
  defp report_usage(result_or_error, report_path) do
    Enum.each(UsageReport.lines(result_or_error), &IO.puts(:stderr, &1))

    if report_path,
      do: Output.write_new(Path.expand(report_path), [JSON.encode(UsageReport.json(result_or_error)), "\n"]),
      else: :ok
  end
end
