defmodule Pipeline.System.Program do
  @moduledoc """
  Runs a program of the operating system. Its standard input is a text, and its standard output is read by line. Its time
  and its output are limited. The program and all its children are ended with the run, also if the run is killed.
  """

  alias Pipeline.Error
  alias Pipeline.System.Signals

  @most_in_a_line 10_000_000
  @most_bytes 50_000_000
  @most_of_stderr 4_000

  # A port cannot close the program's standard input alone, and the program reads its input to the end. So its standard
  # input is a file, in a folder that nobody else may enter. The shell reads only this text: program, arguments and names
  # of files are data to the shell, and the prompt is in none of them. The process writes its own number to a file, because
  # a port that has ended no longer reports it, and processes that the program left running are found by the number.
  @start ~S(echo $$ > "$PIPELINE_PID"; exec "$0" "$@" < "$PIPELINE_STDIN" 2> "$PIPELINE_STDERR")

  # The program of a port leads a process group of its own.
  @stop ~S(kill -s TERM -- "-$0" 2> /dev/null || exit 0; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; kill -s 0 -- "-$0" ) <>
          ~S(2> /dev/null || exit 0; done; kill -s KILL -- "-$0" 2> /dev/null)

  @type options :: [
          stdin: String.t(),
          env: [{String.t(), String.t() | nil}],
          folder: Path.t() | nil,
          timeout: pos_integer()
        ]

  @doc "Return the lines of standard output, the end of standard error, and the exit status."
  @spec run(Path.t(), [String.t()], options()) ::
          {:ok, [String.t()], String.t(), non_neg_integer()} | {:error, Error.t()}
  def run(program, arguments, options) do
    private = private_folder(options[:stdin])
    owner = self()

    {guard, ended} =
      spawn_monitor(fn ->
        Signals.register_cleanup()
        guard(Process.monitor(owner), private)
      end)

    try do
      port = open(program, arguments, private, options)
      read = read(port, Path.basename(program), now() + options[:timeout], options[:timeout])
      with {:ok, lines, status} <- read, do: {:ok, lines, stderr(private), status}
    after
      send(guard, :stop)
      receive do: ({:DOWN, ^ended, :process, _, _} -> :ok)
    end
  rescue
    error in [File.Error, ErlangError] ->
      {:error, Error.new(:write, "#{Path.basename(program)} cannot be started: #{Exception.message(error)}")}
  end

  defp private_folder(stdin) do
    unique = 12 |> :crypto.strong_rand_bytes() |> Base.encode16(case: :lower)
    folder = Path.join(System.tmp_dir!(), "pipeline-#{unique}")
    File.mkdir!(folder)
    File.chmod!(folder, 0o700)
    File.write!(Path.join(folder, "stdin"), stdin)
    File.chmod!(Path.join(folder, "stdin"), 0o600)
    folder
  end

  defp open(program, arguments, private, options) do
    files = [
      {"PIPELINE_PID", Path.join(private, "pid")},
      {"PIPELINE_STDIN", Path.join(private, "stdin")},
      {"PIPELINE_STDERR", Path.join(private, "stderr")}
    ]

    Port.open({:spawn_executable, System.find_executable("sh")}, [
      :binary,
      :exit_status,
      {:line, 65_536},
      args: ["-c", @start, program | arguments],
      env:
        for(
          {name, value} <- options[:env] ++ files,
          do: {to_charlist(name), (value && to_charlist(value)) || false}
        ),
      cd: options[:folder] || private
    ])
  end

  defp read(port, name, deadline, timeout) do
    read(port, name, deadline, timeout, %{lines: [], part: [], line: 0, all: 0})
  after
    forget(port)
  end

  defp read(port, name, deadline, timeout, state) do
    receive do
      {^port, {:data, {end?, data}}} ->
        state = %{
          state
          | part: [state.part, data],
            line: state.line + byte_size(data),
            all: state.all + byte_size(data)
        }

        cond do
          state.line > @most_in_a_line -> too_much("a line of more than #{@most_in_a_line} bytes", name)
          state.all > @most_bytes -> too_much("more than #{@most_bytes} bytes", name)
          end? == :noeol -> read(port, name, deadline, timeout, state)
          true -> read(port, name, deadline, timeout, line(state))
        end

      {^port, {:exit_status, status}} ->
        {:ok, state |> line() |> Map.fetch!(:lines) |> Enum.reverse(), status}
    after
      # The program may have had effects already, so it is not started again.
      max(deadline - now(), 0) ->
        {:error, Error.new(:timeout, "#{name} did not end within #{timeout} ms and was ended")}
    end
  end

  # Remove what the program writes until its end from the owner's mailbox.
  defp forget(port) do
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

  defp line(state),
    do: %{state | lines: [IO.iodata_to_binary(state.part) | state.lines], part: [], line: 0}

  defp too_much(size, name),
    do: {:error, Error.new(:provider_unavailable, "#{name} wrote #{size} and was ended")}

  defp stderr(private) do
    case File.read(Path.join(private, "stderr")) do
      {:ok, text} ->
        binary_part(text, max(byte_size(text) - @most_of_stderr, 0), min(byte_size(text), @most_of_stderr))

      {:error, _} ->
        ""
    end
  end

  # The process that runs a step may be killed. Then this process cleans up.
  defp guard(owner, private) do
    receive do
      message when message in [:stop, :vm_ends] -> clean(private)
      {:DOWN, ^owner, :process, _, _} -> clean(private)
    end
  end

  # Remove the folder first: it holds the prompt, and the program may need time to end.
  defp clean(private) do
    pid = File.read(Path.join(private, "pid"))
    File.rm_rf(private)
    with {:ok, pid} when pid != "" <- pid, do: System.cmd("sh", ["-c", @stop, String.trim(pid)])
  end

  defp now, do: System.monotonic_time(:millisecond)
end
