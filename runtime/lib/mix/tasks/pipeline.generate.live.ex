defmodule Mix.Tasks.Pipeline.Generate.Live do
  @shortdoc "Has a pipeline write a plan from a prompt"

  @moduledoc """
  Executes a pipeline with a prompt, and writes what it generated to a new file.

      mix pipeline.generate.live PROMPT
      mix pipeline.generate.live --prompt-file FILE
      mix pipeline.generate.live -- "-- a prompt that begins with a dash"

  The words of PROMPT are joined by spaces. Standard output ends with `✅ Pipeline generated at PATH`.

  ## Options

    * `--prompt-file FILE` - the prompt, as UTF-8, instead of PROMPT: for prompts of any length
    * `--output PATH` - where to write; it must not exist yet. By default a new file under `generated/`
    * `--input NAME=FILE` - a file that the pipeline takes beside the prompt; may be given several times
    * `--pipeline FILE` - the pipeline, instead of `priv/pipelines/genesis.yaml`
    * `--seed N` - which sample of the model is meant, where its provider takes a seed

  ## Environment

  `GEMINI_API_KEY` (or `GOOGLE_API_KEY`) and `ANTHROPIC_API_KEY`, as the pipeline's steps need them.
  `GOOGLE_GEMINI_BASE_URL` and `ANTHROPIC_BASE_URL` point elsewhere than at the public services.
  `PIPELINE_HTTP_TIMEOUT_MS` bounds one call of a provider, ten minutes by default. `PIPELINE_RETRIES` says how often a
  call that a provider failed at is made again, 3 times by default, and `PIPELINE_RETRY_BASE_MS` how long the first wait may
  be, 500 by default: it doubles with each.

  ## Exit status

  0 done, 1 failed, 2 something has to be changed by the user. An error goes to standard error, its last line is
  `❌ KIND: message`, and no file is left.
  """

  use Mix.Task

  alias Pipeline.{Error, Generate, Settings}

  @switches [
    prompt_file: :string,
    output: :string,
    input: :keep,
    pipeline: :string,
    seed: :integer,
    help: :boolean
  ]

  @impl true
  def run(arguments) do
    # The VM takes a C locale for Latin-1; what is written here is UTF-8.
    for device <- [:standard_io, :standard_error], do: :io.setopts(device, encoding: :unicode)
    Mix.Task.run("loadpaths", ["--no-deps-check"])
    {:ok, _} = Application.ensure_all_started(:pipeline)

    with {:ok, options, prompt} <- arguments |> Enum.map(&as_typed/1) |> parse(),
         {:ok, settings} <- settings(options),
         output = Path.expand(options[:output] || Generate.fresh_path(File.cwd!())),
         pipeline = Path.expand(options[:pipeline] || Generate.genesis()),
         {:ok, path} <- Generate.generate(prompt, pipeline, output, settings) do
      Mix.shell().info("✅ Pipeline generated at #{path}")
    else
      :help -> Mix.shell().info(@moduledoc)
      {:error, %Error{} = error} -> fail(error)
    end
  end

  # In a C locale the VM has taken each byte of an argument for a character of its own.
  defp as_typed(argument) do
    with :latin1 <- :file.native_name_encoding(),
         bytes when is_binary(bytes) <- :unicode.characters_to_binary(argument, :utf8, :latin1),
         true <- String.valid?(bytes) do
      bytes
    else
      _ -> argument
    end
  end

  # Mix.raise would always end with 1, and print more than the one line.
  defp fail(error) do
    IO.puts(:stderr, "❌ #{Error.line(error)}")
    exit({:shutdown, Error.exit_status(error)})
  end

  defp parse(arguments) do
    case OptionParser.parse(arguments, strict: @switches) do
      {options, words, []} -> if options[:help], do: :help, else: with_prompt(options, words)
      {_, _, [{option, nil} | _]} -> usage("#{option} is not known, or lacks its value#{nearest(option)}")
      {_, _, [{option, value} | _]} -> usage("#{option} does not take #{inspect(value)}")
    end
  end

  defp with_prompt(options, words) do
    case {options[:prompt_file], words} do
      {nil, []} -> usage("a prompt is expected: words, or --prompt-file FILE")
      {nil, words} -> not_blank(options, Enum.join(words, " "), "the prompt")
      {file, []} -> from_file(options, file)
      {_, _} -> usage("expected words or --prompt-file, not both")
    end
  end

  defp from_file(options, file) do
    case File.read(file) do
      {:ok, text} ->
        if String.valid?(text), do: not_blank(options, text, file), else: usage("#{file} is not UTF-8")

      {:error, reason} ->
        usage("#{file} cannot be read: #{:file.format_error(reason)}")
    end
  end

  defp not_blank(options, prompt, what) do
    if String.trim(prompt) == "", do: usage("#{what} is empty"), else: {:ok, options, prompt}
  end

  defp settings(options) do
    named = for {:input, input} <- options, do: String.split(input, "=", parts: 2)

    cond do
      bad = Enum.find(named, &(not match?([<<_, _::binary>>, <<_, _::binary>>], &1))) ->
        usage("--input #{Enum.join(bad, "=")}: expected NAME=FILE")

      (options[:seed] || 0) < 0 ->
        usage("--seed #{options[:seed]}: expected a whole number from 0")

      true ->
        inputs = Map.new(named, fn [name, file] -> {name, {:file, Path.expand(file)}} end)
        {:ok, Settings.from_environment(seed: options[:seed], inputs: inputs)}
    end
  end

  defp nearest(option) do
    known = for {name, _} <- @switches, do: "--" <> String.replace(to_string(name), "_", "-")
    best = Enum.max_by(known, &String.jaro_distance(&1, option))
    if String.jaro_distance(best, option) > 0.8, do: "; did you mean #{best}?", else: ""
  end

  defp usage(message), do: {:error, Error.new(:usage, "#{message} (see mix help pipeline.generate.live)")}
end
