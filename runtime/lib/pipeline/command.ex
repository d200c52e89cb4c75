defmodule Pipeline.Command do
  @moduledoc """
  The door that all commands share: strict options with the nearest known one, `--help`, one call, and the one line on
  standard error that tells what failed.

  SIGTERM is taken over first of all. Before that, while Mix looks whether there is something to compile, it ends Mix as it
  ends any program; and until Mix has read mix.exs, some tenths of a second, it may be lost or be an end with 0, which is
  what Erlang's VM makes of it.
  """

  alias Pipeline.Error
  alias Pipeline.System.{CrashReports, Signals}

  @type switches :: keyword()
  @type outcome :: {:ok, [String.t()]} | {:error, Error.t()} | {:error, Error.t(), exit_status :: 1 | 2}

  @doc """
  Parse the arguments and make the call. What it returns is printed on standard output, or becomes an error and its exit
  status.
  """
  @spec main(module(), [String.t()], switches(), (keyword(), [String.t()] -> outcome())) :: :ok
  def main(task, arguments, switches, call) do
    Signals.install()
    # The VM takes a C locale for Latin-1; what is written here is UTF-8.
    for device <- [:standard_io, :standard_error], do: :io.setopts(device, encoding: :unicode)
    Mix.Task.run("loadpaths", ["--no-deps-check"])
    CrashReports.install()
    {:ok, _} = Application.ensure_all_started(:pipeline)

    outcome = parse(Enum.map(arguments, &as_typed/1), [help: :boolean] ++ switches, call)
    Signals.wait_if_ending()

    case outcome do
      # Not by Mix's shell, which MIX_QUIET silences: this is what the command was called for.
      :help -> IO.puts(Mix.Task.moduledoc(task))
      {:ok, lines} -> Enum.each(lines, &IO.puts/1)
      {:error, error} -> error |> told(task) |> fail(Error.exit_status(error))
      {:error, error, status} -> error |> told(task) |> fail(status)
    end
  end

  @spec usage(String.t()) :: {:error, Error.t()}
  def usage(message), do: {:error, Error.new(:usage, message)}

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

  defp parse(arguments, switches, call) do
    case OptionParser.parse(arguments, strict: switches) do
      {options, words, []} ->
        if options[:help], do: :help, else: call.(options, words)

      {_, _, [{option, nil} | _]} ->
        usage("#{option} is not known, or lacks its value#{nearest(option, switches)}")

      {_, _, [{option, value} | _]} ->
        usage("#{option} does not take #{inspect(value)}")
    end
  end

  defp nearest(option, switches) do
    known = for {name, _} <- switches, do: "--" <> String.replace(to_string(name), "_", "-")
    best = Enum.max_by(known, &String.jaro_distance(&1, option))
    if String.jaro_distance(best, option) > 0.8, do: "; did you mean #{best}?", else: ""
  end

  defp told(%Error{kind: :usage} = error, task),
    do: %{error | message: "#{error.message} (see mix help #{Mix.Task.task_name(task)})"}

  defp told(error, _), do: error

  # Mix.raise would always end with 1, and print more than the one line.
  defp fail(error, status) do
    IO.puts(:stderr, "❌ #{Error.line(error)}")
    exit({:shutdown, status})
  end
end
