defmodule Pipeline.Command.Options do
  @moduledoc """
  Reads the options that several commands share: the prompt, the pipeline file, variables, inputs, the seed and the
  rehearsal.
  """

  alias Pipeline.{Command, Error, Loader, Settings}
  alias Pipeline.Files.UserFile

  @max_prompt_bytes 10_000_000

  @doc "Return the prompt from the words of the command line or from `--prompt-file`."
  @spec prompt(keyword(), [String.t()]) :: {:ok, String.t()} | {:error, Error.t()}
  def prompt(options, words) do
    case {options[:prompt_file], words} do
      {nil, []} -> Command.usage_error("the prompt is missing: give it in words, or with --prompt-file FILE")
      {nil, words} -> words |> Enum.join(" ") |> check_not_blank("the prompt")
      {file, []} -> read_prompt(file)
      {_, _} -> Command.usage_error("the prompt was given twice: use words or --prompt-file, not both")
    end
  end

  defp read_prompt(file) do
    case UserFile.read(file, @max_prompt_bytes) do
      {:ok, text} ->
        if String.valid?(text),
          do: check_not_blank(text, file),
          else: Command.usage_error("#{file} is not UTF-8: save it as UTF-8")

      {:error, reason} ->
        Command.usage_error("#{file} #{reason}")
    end
  end

  defp check_not_blank(prompt, source) do
    if String.trim(prompt) == "",
      do: Command.usage_error("#{source} is empty: write a prompt"),
      else: {:ok, prompt}
  end

  @doc "Return the path of the one pipeline file that a command takes."
  @spec file([String.t()]) :: {:ok, Path.t()} | {:error, Error.t()}
  def file([file]), do: {:ok, Path.expand(file)}
  def file([]), do: Command.usage_error("the pipeline file is missing: name one")

  def file([_, word | _]),
    do: Command.usage_error("#{inspect(word)} is one word too many: expected one pipeline file")

  @doc "Load a pipeline file and print its warnings on standard error."
  @spec pipeline(Path.t()) :: {:ok, Pipeline.t()} | {:error, Error.t()}
  def pipeline(file) do
    with {:ok, pipeline} <- Loader.load(Path.expand(file)) do
      Enum.each(pipeline.warnings, &IO.puts(:stderr, "warning: #{&1}"))
      {:ok, pipeline}
    end
  end

  @doc "Return the variables of `--vars-file` and `--var`. A `--var` replaces a variable of the same name from the file."
  @spec variables(keyword()) :: {:ok, %{String.t() => term()}} | {:error, Error.t()}
  def variables(options) do
    with {:ok, from_options} <- pairs(options, :var, "NAME=VALUE"),
         {:ok, from_file} <- if(file = options[:vars_file], do: Loader.variables(file), else: {:ok, %{}}) do
      {:ok, Map.merge(from_file, from_options)}
    end
  end

  @doc """
  Print a warning for each `--var` that no step takes: its name is probably misspelled.

  Variables of `--vars-file` cause no warning, because several pipelines may share one file.
  """
  @spec warn_of_unused_variables(keyword(), Pipeline.t()) :: :ok
  def warn_of_unused_variables(options, pipeline) do
    with {:ok, from_options} <- pairs(options, :var, "NAME=VALUE") do
      for name <- Map.keys(from_options) -- Pipeline.variables(pipeline),
          do: IO.puts(:stderr, "warning: --var #{name} has no effect: no step takes the variable")

      :ok
    end
  end

  @doc "Return the settings from the environment and the options `--input`, `--seed`, `--output-dir` and `--rehearsal`."
  @spec settings(keyword()) :: {:ok, Settings.t()} | {:error, Error.t()}
  def settings(options) do
    with {:ok, inputs} <- pairs(options, :input, "NAME=FILE"),
         :ok <- check_seed(options[:seed]),
         :ok <- check_url(options[:rehearsal]) do
      inputs = Map.new(inputs, fn {name, file} -> {name, {:file, Path.expand(file)}} end)
      folder = options[:output_dir] && Path.expand(options[:output_dir])
      settings = Settings.from_environment(seed: options[:seed], inputs: inputs, output_dir: folder)
      {:ok, if(url = options[:rehearsal], do: Settings.rehearsal(settings, url), else: settings)}
    end
  rescue
    error in Error -> {:error, error}
  end

  # Return the values of an option that has the form NAME=VALUE or NAME=FILE, by name. `key` is the option, `form` its form.
  defp pairs(options, key, form) do
    pairs = for {^key, text} <- options, do: {text, String.split(text, "=", parts: 2)}
    repeated_names = for({_, [name, _]} <- pairs, do: name) |> then(&(&1 -- Enum.uniq(&1)))
    malformed = Enum.find(pairs, fn {_, pair} -> not well_formed?(key, pair) end)

    cond do
      malformed ->
        Command.usage_error("--#{key} #{elem(malformed, 0)}: expected #{form}")

      repeated_names != [] ->
        Command.usage_error("--#{key} #{hd(repeated_names)} is given twice: give it once")

      true ->
        {:ok, Map.new(pairs, fn {_, [name, value]} -> {name, value} end)}
    end
  end

  # The value of a variable may be empty. The name of a file may not.
  defp well_formed?(:var, pair), do: match?([<<_, _::binary>>, _], pair)
  defp well_formed?(_, pair), do: match?([<<_, _::binary>>, <<_, _::binary>>], pair)

  defp check_seed(seed) when is_nil(seed) or seed >= 0, do: :ok
  defp check_seed(seed), do: Command.usage_error("--seed #{seed}: expected a whole number from 0")

  defp check_url(nil), do: :ok

  defp check_url(url) do
    if Settings.address?(url),
      do: :ok,
      else:
        Command.usage_error(
          "--rehearsal #{url}: expected the address of a rehearsal, such as http://127.0.0.1:8080"
        )
  end
end
