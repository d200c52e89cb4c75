defmodule Pipeline.Command.Options do
  @moduledoc "What several commands are told in the same words: prompts, inputs, variables, a rehearsal."

  alias Pipeline.{Command, Error, Loader, Settings}
  alias Pipeline.Files.UserFile

  @longest_prompt 10_000_000

  @doc "The prompt, from words or `--prompt-file`."
  @spec prompt(keyword(), [String.t()]) :: {:ok, String.t()} | {:error, Error.t()}
  def prompt(options, words) do
    case {options[:prompt_file], words} do
      {nil, []} -> Command.usage("a prompt is expected: words, or --prompt-file FILE")
      {nil, words} -> words |> Enum.join(" ") |> not_blank("the prompt")
      {file, []} -> from_file(file)
      {_, _} -> Command.usage("expected words or --prompt-file, not both")
    end
  end

  defp from_file(file) do
    case UserFile.read(file, @longest_prompt) do
      {:ok, text} ->
        if String.valid?(text), do: not_blank(text, file), else: Command.usage("#{file} is not UTF-8")

      {:error, reason} ->
        Command.usage("#{file} #{reason}")
    end
  end

  defp not_blank(prompt, what),
    do: if(String.trim(prompt) == "", do: Command.usage("#{what} is empty"), else: {:ok, prompt})

  @doc "The one file that a command takes."
  @spec file([String.t()]) :: {:ok, Path.t()} | {:error, Error.t()}
  def file([file]), do: {:ok, Path.expand(file)}
  def file([]), do: Command.usage("a pipeline file is expected")
  def file([_, word | _]), do: Command.usage("#{inspect(word)}: expected one pipeline file")

  @doc "The pipeline of a file; its warnings go to standard error."
  @spec pipeline(Path.t()) :: {:ok, Pipeline.t()} | {:error, Error.t()}
  def pipeline(file) do
    with {:ok, pipeline} <- Loader.load(Path.expand(file)) do
      Enum.each(pipeline.warnings, &IO.puts(:stderr, "warning: #{&1}"))
      {:ok, pipeline}
    end
  end

  @doc "The variables of `--vars-file`, and of `--var`, which go before them."
  @spec variables(keyword()) :: {:ok, %{String.t() => term()}} | {:error, Error.t()}
  def variables(options) do
    with {:ok, named} <- pairs(options, :var, "NAME=VALUE"),
         {:ok, filed} <- if(file = options[:vars_file], do: Loader.variables(file), else: {:ok, %{}}) do
      {:ok, Map.merge(filed, named)}
    end
  end

  @doc "A `--var` that no step takes is a slip of the pen; a file of variables may have more than one pipeline takes."
  @spec warn_of_untaken(keyword(), Pipeline.t()) :: :ok
  def warn_of_untaken(options, pipeline) do
    with {:ok, named} <- pairs(options, :var, "NAME=VALUE") do
      for name <- Map.keys(named) -- Pipeline.variables(pipeline),
          do: IO.puts(:stderr, "warning: --var #{name} has no effect: no step takes the variable")

      :ok
    end
  end

  @doc "The settings of the environment, or of the rehearsal, with seed, inputs and output folder."
  @spec settings(keyword()) :: {:ok, Settings.t()} | {:error, Error.t()}
  def settings(options) do
    with {:ok, inputs} <- pairs(options, :input, "NAME=FILE"),
         :ok <- seed(options[:seed]),
         :ok <- url(options[:rehearsal]) do
      inputs = Map.new(inputs, fn {name, file} -> {name, {:file, Path.expand(file)}} end)
      folder = options[:output_dir] && Path.expand(options[:output_dir])
      settings = Settings.from_environment(seed: options[:seed], inputs: inputs, output_dir: folder)
      {:ok, if(url = options[:rehearsal], do: Settings.rehearsal(settings, url), else: settings)}
    end
  rescue
    error in Error -> {:error, error}
  end

  defp pairs(options, key, form) do
    read = for {^key, text} <- options, do: {text, String.split(text, "=", parts: 2)}
    twice = for({_, [name, _]} <- read, do: name) |> then(&(&1 -- Enum.uniq(&1)))
    bad = Enum.find(read, fn {_, pair} -> not good?(key, pair) end)

    cond do
      bad -> Command.usage("--#{key} #{elem(bad, 0)}: expected #{form}")
      twice != [] -> Command.usage("--#{key} #{hd(twice)} is given twice")
      true -> {:ok, Map.new(read, fn {_, [name, value]} -> {name, value} end)}
    end
  end

  # A variable may be empty, a file's name may not.
  defp good?(:var, pair), do: match?([<<_, _::binary>>, _], pair)
  defp good?(_, pair), do: match?([<<_, _::binary>>, <<_, _::binary>>], pair)

  defp seed(seed) when seed in [nil] or seed >= 0, do: :ok
  defp seed(seed), do: Command.usage("--seed #{seed}: expected a whole number from 0")

  defp url(nil), do: :ok

  defp url(url) do
    if Settings.address?(url),
      do: :ok,
      else: Command.usage("--rehearsal #{url}: expected the address of a rehearsal, as http://127.0.0.1:8080")
  end
end
