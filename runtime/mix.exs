# Until a command takes SIGTERM over, it is to end Mix as it ends any program: Erlang's VM would go on, or end with 0.
:os.set_signal(:sigterm, :default)

defmodule Pipeline.MixProject do
  use Mix.Project

  @version "0.2.0"

  def project do
    [
      app: :pipeline,
      version: @version,
      elixir: "~> 1.14",
      elixirc_paths: paths(Mix.env()),
      elixirc_options: [warnings_as_errors: true],
      deps_path: Path.join(__DIR__, "deps"),
      lockfile: Path.join(__DIR__, "mix.lock"),
      start_permanent: false,
      # Debian's libraries are no dependencies that Mix knows of: from 1.15 on it would take them off the code path.
      prune_code_paths: false,
      aliases: aliases(),
      deps: deps()
    ]
  end

  def application do
    [
      mod: {Pipeline.Application, []},
      extra_applications: [:logger, :crypto, :ssl, :inets, :public_key] ++ installed() ++ for_tests()
    ]
  end

  defp paths(:test), do: [here("lib"), here("test/support")]
  defp paths(_), do: [here("lib")]

  # MIX_EXS may name this file from any working folder. Mix wants its own folders relative, others absolute.
  defp here(path), do: __DIR__ |> Path.join(path) |> Path.relative_to_cwd()

  # A command compiles what is not compiled yet. What Mix says of that goes to standard error: standard output has the
  # lines of the command alone, which programs read.
  defp aliases do
    [
      "deps.loadpaths": &on_standard_error("deps.loadpaths", &1),
      compile: &on_standard_error("compile", &1),
      "compile.elixir": &compile_from_one_folder/1
    ]
  end

  defp on_standard_error(task, arguments) do
    leader = Process.group_leader()
    Process.group_leader(self(), Process.whereis(:standard_error))

    try do
      Mix.Task.run(task, arguments)
    after
      Process.group_leader(self(), leader)
    end
  end

  # From 1.15 on, Mix compiles everything anew when the working folder is another one than the last time. A build at an
  # absolute path, out of absolute paths, is the same from wherever a command is started, and is made in its own folder.
  defp compile_from_one_folder(arguments) do
    build = System.get_env("MIX_BUILD_PATH", "")
    compile = fn -> Mix.Task.run("compile.elixir", arguments) end

    if Enum.all?([build | Mix.Project.config()[:elixirc_paths]], &(Path.type(&1) == :absolute)) do
      File.mkdir_p!(build)
      File.cd!(build, compile)
    else
      compile.()
    end
  end

  # YAML, JSON and the HTTP server, and what the property tests need: Debian's packages where they are installed,
  # elsewhere the same versions from Hex (docs/decisions/0009-elixir-versions.md).
  defp deps do
    if(installed() == [], do: [{:fast_yaml, "1.0.36"}, {:jiffy, "1.1.1"}, {:mochiweb, "3.1.1"}], else: []) ++
      if installed?(:proper), do: [], else: [{:proper, "1.4.0", only: :test}]
  end

  defp installed do
    wanted = [:fast_yaml, :jiffy, :mochiweb]
    if Enum.all?(wanted, &installed?/1), do: wanted, else: []
  end

  defp for_tests, do: if(Mix.env() == :test and installed?(:proper), do: [:proper], else: [])

  # Debian's folder of fast_yaml is named p1_yaml: the application is asked for, not its folder.
  defp installed?(app), do: Application.load(app) in [:ok, {:error, {:already_loaded, app}}]
end
