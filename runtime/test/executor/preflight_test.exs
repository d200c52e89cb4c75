defmodule Pipeline.Executor.PreflightTest do
  @moduledoc "Tests the errors that are found before a model is asked."

  use ExUnit.Case, async: true

  import Pipeline.Answers
  import Pipeline.ScriptedProvider, only: [settings: 2]

  alias Pipeline.{Error, Executor, Loader, ScriptedProvider}
  alias Pipeline.Files.Workspace

  @moduletag :tmp_dir

  defp load(text, folder) do
    assert {:ok, pipeline} = Loader.parse(text, Path.join(folder, "p.yaml"))
    pipeline
  end

  for {name, step, changes, reason} <- [
        {"a missing file", "prompt: [{type: file, path: absent.md}]", [],
         "absent.md cannot be read: no such file"},
        {"a variable that is not set", "prompt: [{type: variable, name: tpoic}]", [],
         ~s(steps[0]: needs the variable "tpoic")},
        {"no output folder", "output_to_file: a.md, prompt: [{type: static, content: x}]", [],
         "the run has no output folder"},
        {"no workspace", "claude_options: {allowed_tools: [Read]}, prompt: [{type: static, content: x}]", [],
         "the run has no workspace"},
        {"the claude program in a rehearsal", "via: program, prompt: [{type: static, content: x}]",
         [rehearsal?: true], "cannot be rehearsed"}
      ] do
    test "#{name} is an error", %{tmp_dir: folder} do
      text = "workflow: {name: a, steps: [{name: one, type: claude, #{unquote(step)}}]}"
      server = start_supervised!({ScriptedProvider, []})
      {:ok, workspace} = Workspace.open(Path.join(folder, "ws"))
      workspace = if unquote(name) == "no workspace", do: nil, else: workspace

      assert {:error, %Error{kind: :pipeline, message: message}} =
               Executor.execute_with_vars(
                 load(text, folder),
                 %{},
                 settings(server, unquote(changes)),
                 workspace
               )

      assert message =~ unquote(reason)
      assert ScriptedProvider.requests(server) == []
    end
  end

  defp preflight_error(text, folder, changes \\ [], vars \\ %{}) do
    server = start_supervised!({ScriptedProvider, []})
    result = Executor.execute_with_vars(load(text, folder), vars, settings(server, changes))
    assert ScriptedProvider.requests(server) == []
    stop_supervised!(ScriptedProvider)
    assert {:error, %Error{} = error} = result
    error
  end

  @two """
  workflow:
    name: two
    steps:
      - {name: one, type: gemini, prompt: [{type: static, content: x}]}
      - {name: two, type: claude, prompt: [{type: static, content: x}, {type: file, input: code}]}
  """

  test "an input that cannot be read or is not UTF-8 is an error", %{tmp_dir: folder} do
    latin = Path.join(folder, "latin")
    File.write!(latin, <<0xE4>>)

    for {path, reason} <- [
          {"/nonexistent", "no such file"},
          {latin, "is not UTF-8"},
          {folder, "a directory, not a file"},
          {"/dev/zero", "a device, not a file"}
        ] do
      assert %{kind: :usage, message: message} =
               preflight_error(@two, folder, inputs: %{"code" => {:file, path}})

      assert message =~ "the input code: #{path} "
      assert message =~ reason
    end
  end

  test "a missing key of the second provider is an error", %{tmp_dir: folder} do
    keys = %{gemini: fn -> "secret-key" end, anthropic: fn -> nil end}
    error = preflight_error(@two, folder, keys: keys, inputs: %{"code" => {:text, "x"}})
    assert %{kind: :authentication, message: "no key for anthropic: ANTHROPIC_API_KEY is not set"} = error
  end

  test "a missing claude program is an error", %{tmp_dir: folder} do
    text =
      "workflow: {name: a, steps: [{name: one, type: claude, via: program, prompt: [{type: static, content: x}]}]}"

    {:ok, workspace} = Workspace.open(Path.join(folder, "ws"))
    server = start_supervised!({ScriptedProvider, []})
    settings = settings(server, path: folder)

    assert {:error, %Error{kind: :usage, message: message}} =
             Executor.execute_with_vars(load(text, folder), %{}, settings, workspace)

    assert message =~ "claude is not on the PATH"
  end

  @variables """
  workflow:
    name: variables
    variables: {language: en}
    steps:
      - {name: one, type: gemini, prompt: [{type: variable, name: language}]}
      - {name: keep, type: set_variable, variable: kept, from: {type: previous_response, step: one}CONDITION}
      - {name: two, type: gemini, prompt: [{type: variable, name: kept}, {type: variable, name: topic}]}
  """

  test "a missing variable of a later step is an error", %{tmp_dir: folder} do
    text = String.replace(@variables, "CONDITION", ", condition: vars.x")
    assert %{kind: :pipeline, message: message} = preflight_error(text, folder)
    assert message =~ ~s(steps[2]: needs the variable "topic", which neither)

    text =
      String.replace(
        text,
        "keep, type: set_variable, variable: kept",
        "keep, type: set_variable, variable: k"
      )

    assert preflight_error(text, folder, [], %{"topic" => 1}).message =~
             ~s(steps[2]: needs the variable "kept")
  end

  test "variables and keys that only steps with a condition need may be missing", %{tmp_dir: folder} do
    text = """
    workflow:
      name: conditional
      steps:
        - {name: one, type: gemini, prompt: [{type: static, content: x}]}
        - {name: two, type: claude, condition: vars.topic, prompt: [{type: variable, name: topic}]}
    """

    server = start_supervised!({ScriptedProvider, [gemini("yes")]})
    keys = %{gemini: fn -> "secret-key" end, anthropic: fn -> nil end}

    assert {:ok, %{reply: "yes"}} =
             Executor.execute_with_vars(load(text, folder), %{}, settings(server, keys: keys))
  end

  test "an output folder that cannot be written to, and a file that is another step's folder, are errors", %{
    tmp_dir: folder
  } do
    text = """
    workflow:
      name: files
      steps:
        - {name: one, type: gemini, output_to_file: a/b, prompt: [{type: static, content: x}]}
        - {name: two, type: gemini, output_to_file: FILE, prompt: [{type: static, content: x}]}
    """

    clash = String.replace(text, "FILE", "a")
    message = preflight_error(clash, folder, output_dir: folder).message
    assert message =~ ~r"one step writes (\S+/a) by output_to_file, and for another step \1 is a folder"
    text = String.replace(text, "FILE", "c")
    assert %{kind: :write} = preflight_error(text, folder, output_dir: "/proc/x")
    File.write!(Path.join(folder, "a"), "a file")
    assert %{kind: :write, message: message} = preflight_error(text, folder, output_dir: folder)
    assert message =~ "a/b"
  end

  test "a file of output_to_file that exists is an error and stays unchanged", %{tmp_dir: folder} do
    File.write!(Path.join(folder, "a.md"), "mine")

    text =
      "workflow: {name: a, steps: [{name: one, type: set_variable, variable: x, value: 1, output_to_file: a.md}]}"

    server = start_supervised!({ScriptedProvider, []})

    assert {:error, %Error{kind: :usage, message: message}} =
             Executor.execute_with_vars(load(text, folder), %{}, settings(server, output_dir: folder))

    assert message =~ "exists already"
    assert File.read!(Path.join(folder, "a.md")) == "mine"
  end
end
