defmodule Pipeline.CommandProcess do
  @moduledoc "A mix command as a process of its own, in another working folder, for tests of how it begins and ends."

  alias Pipeline.ScriptedProvider

  @enforce_keys [:port, :os_pid]
  defstruct [:port, :os_pid]

  @type t :: %__MODULE__{port: port(), os_pid: pos_integer()}

  # Compiled from another folder, sources have other names: in the build of the tests they would be compiled anew, by
  # each command that is started, and again for the next test run.
  @build Path.expand("../../_build/commands", __DIR__)

  @doc "The build that commands run in; `compile/0` makes it."
  @spec build() :: Path.t()
  def build, do: @build

  @doc "Compile what commands run, unless that was done since it last changed."
  @spec compile() :: :ok
  def compile do
    File.mkdir_p!(@build)
    environment = [{"MIX_EXS", Path.expand("mix.exs")}, {"MIX_BUILD_PATH", @build}, {"MIX_ENV", "prod"}]
    {said, status} = System.cmd("mix", ["compile"], cd: @build, env: environment, stderr_to_stdout: true)
    if status == 0, do: :ok, else: raise(said)
  end

  @spec start(Path.t(), pid() | nil, [String.t()], [{String.t(), String.t()}]) :: t()
  def start(folder, provider, arguments, environment \\ []) do
    spawned(System.find_executable("mix"), arguments, folder, environment(provider, environment))
  end

  @doc "The same, with standard error in a file apart."
  @spec start_apart(Path.t(), Path.t(), [String.t()], [{String.t(), String.t()}]) :: t()
  def start_apart(folder, errors, arguments, environment \\ []) do
    shell = ["-c", ~s(exec mix "$@" 2>"$0"), errors | arguments]
    spawned(System.find_executable("sh"), shell, folder, environment(nil, environment))
  end

  @spec signal(t(), String.t()) :: :ok
  def signal(command, name) do
    {_, 0} = System.cmd("kill", ["-#{name}", "#{command.os_pid}"])
    :ok
  end

  @doc "What it has printed when `pattern` stands in it."
  @spec said(t(), Regex.t(), String.t()) :: String.t()
  def said(%{port: port} = command, pattern, printed \\ "") do
    if printed =~ pattern do
      printed
    else
      receive do
        {^port, {:data, data}} -> said(command, pattern, printed <> data)
        {^port, {:exit_status, status}} -> raise "it ended with #{status}: #{printed}"
      after
        20_000 -> raise "it did not say so: #{printed}"
      end
    end
  end

  @doc "Its exit status, what it printed from now on, and the milliseconds that it took."
  @spec ended(t()) :: {non_neg_integer(), String.t(), non_neg_integer()}
  def ended(command), do: ended(command, "", System.monotonic_time(:millisecond))

  defp ended(%{port: port} = command, printed, begun) do
    receive do
      {^port, {:data, data}} ->
        ended(command, printed <> data, begun)

      {^port, {:exit_status, status}} ->
        {status, without_helper(printed), System.monotonic_time(:millisecond) - begun}
    after
      20_000 -> raise "it did not end: #{printed}"
    end
  end

  # OTP's own helper complains now and then that the VM was gone before a child of it was.
  defp without_helper(printed), do: String.replace(printed, ~r/^erl_child_setup: .*\R/m, "")

  defp spawned(program, arguments, folder, environment) do
    options = [:binary, :exit_status, :stderr_to_stdout, args: arguments, cd: folder, env: environment]
    port = Port.open({:spawn_executable, program}, options)
    {:os_pid, os_pid} = Port.info(port, :os_pid)
    %__MODULE__{port: port, os_pid: os_pid}
  end

  defp environment(provider, more) do
    %{
      "MIX_EXS" => Path.expand("mix.exs"),
      "MIX_BUILD_PATH" => build(),
      "MIX_ENV" => "prod",
      "LC_ALL" => "C",
      "ELIXIR_ERL_OPTIONS" => "+Bd",
      "GEMINI_API_KEY" => "secret-key",
      "GOOGLE_GEMINI_BASE_URL" => provider && ScriptedProvider.url(provider)
    }
    |> Map.merge(Map.new(more))
    |> Enum.map(fn {name, value} -> {to_charlist(name), if(value, do: to_charlist(value), else: false)} end)
  end
end
