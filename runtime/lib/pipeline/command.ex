defmodule Pipeline.Command do
  @moduledoc """
  Runs a Mix task: parses its options, calls its function, and prints the outcome. An option that the task does not know is an
  error. With `--help` it prints the task's help instead.

      def run(arguments), do: Command.main(__MODULE__, arguments, [name: :string], &greet/2)

      defp greet(options, _words), do: {:ok, ["Hello \#{options[:name]}"]}

  The task handles SIGTERM from the first line of `main/4` on. Before that, while Mix checks whether it has to compile,
  SIGTERM ends Mix as it ends any program. In the first tenths of a second, until Mix has read `mix.exs`, Erlang's VM handles
  SIGTERM in its own way: the signal may get lost, or may end the VM with exit status 0.
  """

  alias Pipeline.Error
  alias Pipeline.System.{CrashReports, Signals}
  alias Pipeline.Value.NearestWord

  @typedoc "The options of a task, in the form of `OptionParser`'s `:strict`."
  @type switches :: keyword()
  @type outcome :: {:ok, [String.t()]} | {:error, Error.t()} | {:error, Error.t(), exit_status :: 1 | 2}

  @doc """
  Parse the arguments and call the task's function with the options and the words.

  Print the lines that the function returns on standard output. If it returns an error, print `❌ KIND: message` on standard
  error, and exit with the status that the function returns, or else with the error's own.
  """
  @spec main(module(), [String.t()], switches(), (keyword(), [String.t()] -> outcome())) :: :ok
  def main(task, arguments, switches, function) do
    Signals.install()
    # In a C locale the VM would write Latin-1. All output here is UTF-8.
    for device <- [:standard_io, :standard_error], do: :io.setopts(device, encoding: :unicode)
    Mix.Task.run("loadpaths", ["--no-deps-check"])
    CrashReports.install()
    {:ok, _} = Application.ensure_all_started(:pipeline)

    outcome = parse_and_call(Enum.map(arguments, &decode_argument/1), [help: :boolean] ++ switches, function)
    Signals.wait_if_ending()

    case outcome do
      # Do not print with Mix's shell: MIX_QUIET would silence it.
      :help -> IO.puts(Mix.Task.moduledoc(task))
      {:ok, lines} -> Enum.each(lines, &IO.puts/1)
      {:error, error} -> error |> with_hint(task) |> fail(Error.exit_status(error))
      {:error, error, status} -> error |> with_hint(task) |> fail(status)
    end
  end

  @doc "Return an error of kind `:usage`."
  @spec usage_error(String.t()) :: {:error, Error.t()}
  def usage_error(message), do: {:error, Error.new(:usage, message)}

  # In a C locale the VM decodes each byte of an argument as one character. Decode the bytes as UTF-8 instead.
  defp decode_argument(argument) do
    with :latin1 <- :file.native_name_encoding(),
         bytes when is_binary(bytes) <- :unicode.characters_to_binary(argument, :utf8, :latin1),
         true <- String.valid?(bytes) do
      bytes
    else
      _ -> argument
    end
  end

  defp parse_and_call(arguments, switches, function) do
    case OptionParser.parse(arguments, strict: switches) do
      {options, words, []} ->
        if options[:help], do: :help, else: function.(options, words)

      {_, _, [{option, nil} | _]} ->
        known = for {name, _} <- switches, do: "--" <> String.replace(to_string(name), "_", "-")

        if option in known,
          do: usage_error("#{option} needs a value: write #{option} VALUE"),
          else: usage_error("#{option} is not known#{did_you_mean(option, known)}")

      {_, _, [{option, value} | _]} ->
        usage_error("#{option} does not take the value #{inspect(value)}")
    end
  end

  defp did_you_mean(option, known) do
    if nearest = NearestWord.find(option, known), do: "; did you mean #{nearest}?", else: ""
  end

  defp with_hint(%Error{kind: :usage} = error, task),
    do: %{error | message: "#{error.message} (see mix help #{Mix.Task.task_name(task)})"}

  defp with_hint(error, _), do: error

  # Mix.raise would always exit with status 1, and would print more than one line.
  defp fail(error, status) do
    IO.puts(:stderr, "❌ #{Error.line(error)}")
    exit({:shutdown, status})
  end
end
