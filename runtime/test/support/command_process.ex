defmodule Pipeline.CommandProcess do
  @moduledoc "Starts a mix command as a process in another working folder, for tests of how commands start and end."

  alias Pipeline.ScriptedProvider

  @enforce_keys [:port, :os_pid]
  defstruct [:port, :os_pid]

  @type t :: %__MODULE__{port: port(), os_pid: pos_integer()}

  # A build folder of their own. The paths of the sources depend on the working folder, so in the build of the tests, each command
  # would compile all sources again, and then the next test run would do so, too.
  @build Path.expand("../../_build/commands", __DIR__)

  # The longest wait for a command, in milliseconds. A busy machine needs many seconds to start or end a VM.
  @patience 60_000

  @doc "Return the build folder of the commands. `compile/0` fills it."
  @spec build() :: Path.t()
  def build, do: @build

  @doc "Compile the runtime for the commands, if its sources have changed."
  @spec compile() :: :ok
  def compile do
    File.mkdir_p!(@build)
    environment = [{"MIX_EXS", Path.expand("mix.exs")}, {"MIX_BUILD_PATH", @build}, {"MIX_ENV", "prod"}]
    {output, status} = System.cmd("mix", ["compile"], cd: @build, env: environment, stderr_to_stdout: true)
    if status == 0, do: :ok, else: raise(output)
  end

  @doc "Start a mix command in `folder`. Standard error is mixed into its output."
  @spec start(Path.t(), pid() | nil, [String.t()], [{String.t(), String.t()}]) :: t()
  def start(folder, provider, arguments, environment \\ []) do
    open(System.find_executable("mix"), arguments, folder, environment(provider, environment))
  end

  @doc "Start a mix command in `folder` and write its standard error to the file `errors`."
  @spec start_with_stderr_in(Path.t(), Path.t(), [String.t()], [{String.t(), String.t()}]) :: t()
  def start_with_stderr_in(errors, folder, arguments, environment \\ []) do
    shell = ["-c", ~s(exec mix "$@" 2>"$0"), errors | arguments]
    open(System.find_executable("sh"), shell, folder, environment(nil, environment))
  end

  @doc "Send the command the signal of this name, such as `TERM`."
  @spec signal(t(), String.t()) :: :ok
  def signal(command, name) do
    {_, 0} = System.cmd("kill", ["-#{name}", "#{command.os_pid}"])
    :ok
  end

  @doc "Wait until the output matches `pattern` and return the output so far."
  @spec output_until(t(), Regex.t(), String.t()) :: String.t()
  def output_until(%{port: port} = command, pattern, output \\ "") do
    if output =~ pattern do
      output
    else
      receive do
        {^port, {:data, data}} -> output_until(command, pattern, output <> data)
        {^port, {:exit_status, status}} -> raise "the command ended with #{status}: #{output}"
      after
        @patience -> raise "the output does not match #{inspect(pattern)}: #{output}"
      end
    end
  end

  @doc "Wait for the end of the command. Return its exit status, its output from now on, and the milliseconds until its end."
  @spec await_exit(t()) :: {non_neg_integer(), String.t(), non_neg_integer()}
  def await_exit(command), do: await_exit(command, "", System.monotonic_time(:millisecond))

  defp await_exit(%{port: port} = command, output, start) do
    receive do
      {^port, {:data, data}} ->
        await_exit(command, output <> data, start)

      {^port, {:exit_status, status}} ->
        {status, without_child_setup(output), System.monotonic_time(:millisecond) - start}
    after
      @patience -> raise "the command did not end within #{div(@patience, 1_000)} seconds: #{output}"
    end
  end

  # OTP's program erl_child_setup sometimes reports that the VM ended before one of its children did.
  defp without_child_setup(output), do: String.replace(output, ~r/^erl_child_setup: .*\R/m, "")

  defp open(program, arguments, folder, environment) do
    options = [:binary, :exit_status, :stderr_to_stdout, args: arguments, cd: folder, env: environment]
    port = Port.open({:spawn_executable, program}, options)
    {:os_pid, os_pid} = Port.info(port, :os_pid)
    %__MODULE__{port: port, os_pid: os_pid}
  end

  defp environment(provider, changes) do
    %{
      "MIX_EXS" => Path.expand("mix.exs"),
      "MIX_BUILD_PATH" => build(),
      "MIX_ENV" => "prod",
      "LC_ALL" => "C",
      "ELIXIR_ERL_OPTIONS" => "+Bd",
      "GEMINI_API_KEY" => "secret-key",
      "GOOGLE_GEMINI_BASE_URL" => provider && ScriptedProvider.url(provider)
    }
    |> Map.merge(Map.new(changes))
    |> Enum.map(fn {name, value} -> {to_charlist(name), if(value, do: to_charlist(value), else: false)} end)
  end
end
