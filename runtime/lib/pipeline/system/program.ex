defmodule Pipeline.System.Program do
  @moduledoc """
  Runs a program of the operating system. Its standard input is a text, and its standard output is read line by line. Its time
  and its output are limited. The program and all its children end with the calling process, even if that is killed.
  """

  alias Pipeline.Error
  alias Pipeline.System.Signals

  @max_line_bytes 10_000_000
  @max_output_bytes 50_000_000
  # Only the end of standard error is returned.
  @max_stderr_bytes 4_000

  # The program reads its standard input to the end, but a port cannot close only this stream. Therefore, the standard input is
  # a file, in a folder that nobody else may enter. The shell evaluates only this script: the program, its arguments and the
  # names of files are data to the shell. The prompt is in none of them. The shell writes its process id to a file before it
  # becomes the program. A port that has ended no longer reports the id, and children that the program left running are found
  # by the id.
  @start_script ~S(echo $$ > "$PIPELINE_PID"; exec "$0" "$@" < "$PIPELINE_STDIN" 2> "$PIPELINE_STDERR")

  # End the process group of the program, at first by SIGTERM, and after a second by SIGKILL. Its id is that of the program,
  # because the program of a port leads a process group of its own.
  @stop_script ~S(kill -s TERM -- "-$0" 2> /dev/null || exit 0; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; kill -s 0 -- "-$0" ) <>
                 ~S(2> /dev/null || exit 0; done; kill -s KILL -- "-$0" 2> /dev/null)

  @typedoc """
  `env` are variables of the environment; nil removes a variable. `folder` is the working folder; by default it is the
  private folder that holds the program's standard input. `timeout` is in milliseconds.
  """
  @type options :: [
          stdin: String.t(),
          env: [{String.t(), String.t() | nil}],
          folder: Path.t() | nil,
          timeout: pos_integer()
        ]

  @doc "Run a program. Return the lines of its standard output, the end of its standard error, and its exit status."
  @spec run(Path.t(), [String.t()], options()) ::
          {:ok, [String.t()], String.t(), non_neg_integer()} | {:error, Error.t()}
  def run(program, arguments, options) do
    private_folder = create_private_folder(options[:stdin])
    owner = self()

    {guard, guard_monitor} =
      spawn_monitor(fn ->
        Signals.register_cleanup()
        guard(Process.monitor(owner), private_folder)
      end)

    try do
      port = open(program, arguments, private_folder, options)
      output = read(port, Path.basename(program), now() + options[:timeout], options[:timeout])
      with {:ok, lines, status} <- output, do: {:ok, lines, stderr(private_folder), status}
    after
      send(guard, :stop)
      receive do: ({:DOWN, ^guard_monitor, :process, _, _} -> :ok)
    end
  rescue
    error in [File.Error, ErlangError] ->
      {:error, Error.new(:write, "#{Path.basename(program)} cannot be started: #{Exception.message(error)}")}
  end

  defp create_private_folder(stdin) do
    random_digits = 12 |> :crypto.strong_rand_bytes() |> Base.encode16(case: :lower)
    folder = Path.join(System.tmp_dir!(), "pipeline-#{random_digits}")
    File.mkdir!(folder)
    File.chmod!(folder, 0o700)
    File.write!(Path.join(folder, "stdin"), stdin)
    File.chmod!(Path.join(folder, "stdin"), 0o600)
    folder
  end

  defp open(program, arguments, private_folder, options) do
    files = [
      {"PIPELINE_PID", Path.join(private_folder, "pid")},
      {"PIPELINE_STDIN", Path.join(private_folder, "stdin")},
      {"PIPELINE_STDERR", Path.join(private_folder, "stderr")}
    ]

    Port.open({:spawn_executable, System.find_executable("sh")}, [
      :binary,
      :exit_status,
      {:line, 65_536},
      args: ["-c", @start_script, program | arguments],
      env:
        for(
          {name, value} <- options[:env] ++ files,
          do: {to_charlist(name), (value && to_charlist(value)) || false}
        ),
      cd: options[:folder] || private_folder
    ])
  end

  defp read(port, name, deadline, timeout) do
    read(port, name, deadline, timeout, %{lines: [], line: [], line_bytes: 0, output_bytes: 0})
  after
    close(port)
  end

  # `line_bytes` is the size of the current line so far, and `output_bytes` that of all lines.
  defp read(port, name, deadline, timeout, state) do
    receive do
      {^port, {:data, {end?, data}}} ->
        state = %{
          state
          | line: [state.line, data],
            line_bytes: state.line_bytes + byte_size(data),
            output_bytes: state.output_bytes + byte_size(data)
        }

        cond do
          state.line_bytes > @max_line_bytes -> too_much("a line of more than #{@max_line_bytes} bytes", name)
          state.output_bytes > @max_output_bytes -> too_much("more than #{@max_output_bytes} bytes", name)
          end? == :noeol -> read(port, name, deadline, timeout, state)
          true -> read(port, name, deadline, timeout, end_line(state))
        end

      {^port, {:exit_status, status}} ->
        {:ok, state |> end_line() |> Map.fetch!(:lines) |> Enum.reverse(), status}
    after
      # The program may have had effects already, so it is not started again.
      max(deadline - now(), 0) ->
        {:error, Error.new(:timeout, "#{name} did not end within #{timeout} ms and was ended")}
    end
  end

  # Close the port, and remove its messages from the owner's mailbox.
  defp close(port) do
    if Port.info(port), do: Port.close(port)
    flush(port)
  end

  defp flush(port) do
    receive do
      {^port, _} -> flush(port)
      {:EXIT, ^port, _} -> flush(port)
    after
      0 -> :ok
    end
  end

  defp end_line(state),
    do: %{state | lines: [IO.iodata_to_binary(state.line) | state.lines], line: [], line_bytes: 0}

  defp too_much(size, name),
    do: {:error, Error.new(:provider_unavailable, "#{name} wrote #{size} and was ended")}

  defp stderr(private_folder) do
    case File.read(Path.join(private_folder, "stderr")) do
      {:ok, text} ->
        size = min(byte_size(text), @max_stderr_bytes)
        binary_part(text, byte_size(text) - size, size)

      {:error, _} ->
        ""
    end
  end

  # Clean up when the program has ended, when the VM ends, or when the owner is killed.
  defp guard(owner_monitor, private_folder) do
    receive do
      message when message in [:stop, :vm_ends] -> clean_up(private_folder)
      {:DOWN, ^owner_monitor, :process, _, _} -> clean_up(private_folder)
    end
  end

  # Remove the folder before ending the program. The folder holds the prompt, and the program may need time to end.
  defp clean_up(private_folder) do
    pid_file = File.read(Path.join(private_folder, "pid"))
    File.rm_rf(private_folder)
    with {:ok, pid} when pid != "" <- pid_file, do: System.cmd("sh", ["-c", @stop_script, String.trim(pid)])
  end

  defp now, do: System.monotonic_time(:millisecond)
end
