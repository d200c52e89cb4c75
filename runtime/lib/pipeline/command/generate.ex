defmodule Pipeline.Command.Generate do
  @moduledoc "What `mix pipeline.generate` and `mix pipeline.generate.live` have in common, which is nearly all."

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

  @spec main(module(), [String.t()], Command.switches()) :: :ok
  def main(task, arguments, more \\ []) do
    Command.main(task, arguments, @switches ++ more, fn options, words ->
      with {:ok, prompt} <- Options.prompt(options, words),
           {:ok, settings} <- Options.settings(options),
           output = Path.expand(options[:output] || Generate.fresh_path(File.cwd!())),
           {:ok, pipeline} <- Options.pipeline(options[:pipeline] || Generate.genesis()),
           workspace = options[:workspace] && Path.expand(options[:workspace]),
           {:ok, path, result} <- Generate.generate(prompt, pipeline, output, settings, workspace) do
        tell_usage(result)
        {:ok, ["✅ Pipeline generated at #{path}"]}
      else
        {:error, error} ->
          tell_usage(error)
          {:error, error}
      end
    end)
  end

  # Standard output has the one line that programs read.
  defp tell_usage(of), do: Enum.each(UsageReport.lines(of), &IO.puts(:stderr, &1))
end
