defmodule Pipeline.System.Program do
  @moduledoc """
  Runs a program of the operating system: its standard input from a text, its standard output by line, bounded in time
  and size, and ended with all its children whatever becomes of the run.
  """

  alias Pipeline.Error
  alias Pipeline.System.Signals

  @most_in_a_line 10_000_000
  @most_bytes 50_000_000
  @most_of_stderr 4_000

  # A port cannot close a program's standard input alone, and the program reads that to its end. So a file is its
  # standard input. This text is all that the shell ever reads: program, arguments and the files' names are data to it,
  # and the prompt is in none of them. The file is in a folder that nobody else may enter. The process writes down its own
  # number: a port that has ended tells it no more, and what the program left running is found by it.
  @start ~S(echo $$ > "$PIPELINE_PID"; exec "$0" "$@" < "$PIPELINE_STDIN" 2> "$PIPELINE_STDERR")

  # A port's program leads a process group of its own.
  @stop ~S(kill -s TERM -- "-$0" 2> /dev/null || exit 0; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; kill -s 0 -- "-$0" ) <>
          ~S(2> /dev/null || exit 0; done; kill -s KILL -- "-$0" 2> /dev/null)

  @type options :: [
          stdin: String.t(),
          env: [{String.t(), String.t() | nil}],
          folder: Path.t() | nil,
          timeout: pos_integer()
        ]

  @doc "The lines that it wrote, the end of what it wrote to standard error, and its exit status."
  @spec run(Path.t(), [String.t()], options()) ::
          {:ok, [String.t()], String.t(), non_neg_integer()} | {:error, Error.t()}
  def run(program, arguments, options) do
    private = private_folder(options[:stdin])
    owner = self()

    {guard, ended} =
      spawn_monitor(fn ->
        Signals.clear_before_end()
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

  defp read(port, name, deadline, timeout, so_far) do
    receive do
      {^port, {:data, {end?, data}}} ->
        so_far = %{
          so_far
          | part: [so_far.part, data],
            line: so_far.line + byte_size(data),
            all: so_far.all + byte_size(data)
        }

        cond do
          so_far.line > @most_in_a_line -> too_much("a line of more than #{@most_in_a_line} bytes", name)
          so_far.all > @most_bytes -> too_much("more than #{@most_bytes} bytes", name)
          end? == :noeol -> read(port, name, deadline, timeout, so_far)
          true -> read(port, name, deadline, timeout, line(so_far))
        end

      {^port, {:exit_status, status}} ->
        {:ok, so_far |> line() |> Map.fetch!(:lines) |> Enum.reverse(), status}
    after
      # What it has begun may have had effects: it is not for us to start it again.
      max(deadline - now(), 0) ->
        {:error, Error.new(:timeout, "#{name} did not end within #{timeout} ms and was ended")}
    end
  end

  # What it still writes while it is ended is not for the owner's mailbox.
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

  defp line(so_far),
    do: %{so_far | lines: [IO.iodata_to_binary(so_far.part) | so_far.lines], part: [], line: 0}

  defp too_much(what, name),
    do: {:error, Error.new(:provider_unavailable, "#{name} wrote #{what} and was ended")}

  defp stderr(private) do
    case File.read(Path.join(private, "stderr")) do
      {:ok, text} ->
        binary_part(text, max(byte_size(text) - @most_of_stderr, 0), min(byte_size(text), @most_of_stderr))

      {:error, _} ->
        ""
    end
  end

  # The process that runs a step may be killed: what is left to be done then is done by another.
  defp guard(owner, private) do
    receive do
      asked when asked in [:stop, :vm_ends] -> clean(private)
      {:DOWN, ^owner, :process, _, _} -> clean(private)
    end
  end

  # The folder first: it holds the prompt, and whoever is ended may take its time.
  defp clean(private) do
    pid = File.read(Path.join(private, "pid"))
    File.rm_rf(private)
    with {:ok, pid} when pid != "" <- pid, do: System.cmd("sh", ["-c", @stop, String.trim(pid)])
  end

  defp now, do: System.monotonic_time(:millisecond)
end
