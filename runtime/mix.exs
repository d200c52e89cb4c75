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

  # YAML, JSON and the HTTP server, and what the property tests need: Debian's packages where they are installed, the
  # same from Hex elsewhere.
  defp deps do
    if(installed() == [], do: [{:fast_yaml, "~> 1.0"}, {:jiffy, "~> 1.1"}, {:mochiweb, "~> 3.1"}], else: []) ++
      if installed?(:proper), do: [], else: [{:proper, "~> 1.4", only: :test}]
  end

  defp installed do
    wanted = [:fast_yaml, :jiffy, :mochiweb]
    if Enum.all?(wanted, &installed?/1), do: wanted, else: []
  end

  defp for_tests, do: if(Mix.env() == :test and installed?(:proper), do: [:proper], else: [])

  # Debian's folder of fast_yaml is named p1_yaml: the application is asked for, not its folder.
  defp installed?(app), do: Application.load(app) in [:ok, {:error, {:already_loaded, app}}]
end
