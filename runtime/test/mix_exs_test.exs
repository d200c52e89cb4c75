defmodule Pipeline.MixExsTest do
  @moduledoc "Tests what mix.exs changes in Mix: when commands compile, and where they report the compilation."

  use ExUnit.Case, async: true

  @moduletag :tmp_dir

  # This test compiles the whole runtime.
  @tag timeout: 300_000
  test "commands in different working folders compile once and report it on standard error", %{
    tmp_dir: folder
  } do
    for name <- ["build", "one", "two"], do: File.mkdir!(Path.join(folder, name))

    assert {stdout, stderr} = check(folder, "one")
    assert stdout == "✅ Pipeline valid: #{Path.join(folder, "one/p.yaml")}\n"
    assert stderr =~ ~r/\ACompiling \d+ files \(\.ex\)\nGenerated pipeline app\n/

    assert {"✅ Pipeline valid: " <> _, ""} = check(folder, "two")
  end

  defp check(folder, name) do
    folder_of_command = Path.join(folder, name)

    File.write!(
      Path.join(folder_of_command, "p.yaml"),
      "workflow: {name: a, steps: [{name: b, type: set_variable, variable: c, value: 1}]}"
    )

    environment = [
      {"MIX_EXS", Path.expand("mix.exs")},
      {"MIX_BUILD_PATH", Path.join(folder, "build")},
      {"MIX_ENV", "prod"}
    ]

    command = ["-c", "mix pipeline.check p.yaml 2> stderr.txt"]
    assert {stdout, 0} = System.cmd("sh", command, cd: folder_of_command, env: environment)
    {stdout, File.read!(Path.join(folder_of_command, "stderr.txt"))}
  end
end
