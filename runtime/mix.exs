# Let SIGTERM end Mix at once, until a command installs its own handler. With Erlang's handler, Mix would go on working for a
# while, or end with exit status 0.
:os.set_signal(:sigterm, :default)

defmodule Pipeline.MixProject do
  use Mix.Project

  @version "0.2.0"

  def project do
    [
      app: :pipeline,
      version: @version,
      elixir: "~> 1.14",
      elixirc_paths: source_folders(Mix.env()),
      elixirc_options: [warnings_as_errors: true],
      deps_path: Path.join(__DIR__, "deps"),
      lockfile: Path.join(__DIR__, "mix.lock"),
      start_permanent: false,
      # Mix does not know Debian's libraries as dependencies. From Elixir 1.15 on, it would remove them from the code path.
      prune_code_paths: false,
      aliases: aliases(),
      deps: deps()
    ]
  end

  def application do
    [
      mod: {Pipeline.Application, []},
      extra_applications:
        [:logger, :crypto, :ssl, :inets, :public_key] ++ installed_libraries() ++ test_libraries()
    ]
  end

  defp source_folders(:test), do: [in_project("lib"), in_project("test/support")]
  defp source_folders(_), do: [in_project("lib")]

  # MIX_EXS may name this file from any working folder. Mix needs relative paths for folders below the working folder, and
  # absolute paths for all others.
  defp in_project(path), do: __DIR__ |> Path.join(path) |> Path.relative_to_cwd()

  # A command compiles the runtime if that has not been done yet. Mix reports the compilation on standard error, because
  # programs read standard output, and expect only the command's own lines there.
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

  # From Elixir 1.15 on, Mix compiles everything again if the working folder has changed. If the paths of the build folder and of
  # the sources are absolute, the compilation does not need the working folder. Then always compile inside the build folder.
  defp compile_from_one_folder(arguments) do
    build_folder = System.get_env("MIX_BUILD_PATH", "")
    compile = fn -> Mix.Task.run("compile.elixir", arguments) end

    if Enum.all?([build_folder | Mix.Project.config()[:elixirc_paths]], &(Path.type(&1) == :absolute)) do
      File.mkdir_p!(build_folder)
      File.cd!(build_folder, compile)
    else
      compile.()
    end
  end

  # The libraries for YAML, JSON, the HTTP server and the property tests. Debian's packages are used if they are installed.
  # Otherwise, the same versions come from Hex (docs/decisions/0009-elixir-versions.md).
  defp deps do
    if(installed_libraries() == [],
      do: [{:fast_yaml, "1.0.36"}, {:jiffy, "1.1.1"}, {:mochiweb, "3.1.1"}],
      else: []
    ) ++
      if installed?(:proper), do: [], else: [{:proper, "1.4.0", only: :test}]
  end

  defp installed_libraries do
    libraries = [:fast_yaml, :jiffy, :mochiweb]
    if Enum.all?(libraries, &installed?/1), do: libraries, else: []
  end

  defp test_libraries, do: if(Mix.env() == :test and installed?(:proper), do: [:proper], else: [])

  # Look for the application, not for its folder: Debian names the folder of fast_yaml p1_yaml.
  defp installed?(app), do: Application.load(app) in [:ok, {:error, {:already_loaded, app}}]
end
