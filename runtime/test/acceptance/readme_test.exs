defmodule Pipeline.Acceptance.ReadmeTest do
  @moduledoc "Tests that every pipeline in the README loads without a warning and runs."

  use ExUnit.Case, async: true

  alias Pipeline.{Executor, Loader, ScriptedProvider}
  alias Pipeline.Files.Workspace

  @moduletag :tmp_dir

  # The models' answers for each pipeline, and the reply of its run.
  @scripts %{
    "hello" => {[{:gemini, "Hello!"}], "Hello!"},
    "genesis" => {[{:gemini, "a plan"}, {:claude, "a better plan"}], "a better plan"},
    "structured" =>
      {[{:claude, ~s({"score": 7, "remarks": [{"text": "too long"}]})}, {:gemini, ~s(["red", "green"])}],
       ~s(["red", "green"])},
    "conditions" =>
      {[{:gemini, ~s({"score": 5})}, {:claude, "improved"}, {:gemini, "summed up"}], "summed up"},
    "files" => {[{:claude, "short"}], "short"},
    "side_by_side" => {[{:any, "yes"}, {:any, "yes"}, {:gemini, "sound"}], "sound"},
    "settings" => {[{:gemini, "outline"}, {:claude, "text"}, {:claude, "checked"}], "checked"}
  }

  for [block] <- Regex.scan(~r/(?<=^```yaml\n)workflow:\n.*?(?=^```$)/ms, File.read!("README.md")) do
    [_, name] = Regex.run(~r/^  name: (\w+)$/m, block)

    test "the example #{name} runs", %{tmp_dir: folder} do
      assert {:ok, pipeline} = Loader.parse(unquote(block), Path.join(folder, "readme.yaml"))
      assert pipeline.warnings == []
      {answers, reply} = Map.fetch!(@scripts, pipeline.name)

      server =
        start_supervised!(
          {ScriptedProvider, for({family, text} <- answers, do: apply(Pipeline.Answers, family, [text]))}
        )

      {:ok, workspace} = Workspace.open(Path.join(folder, "workspace"))
      settings = ScriptedProvider.settings(server, output_dir: Path.join(folder, "out"))
      vars = %{"user_prompt" => "Plan it."}

      assert {:ok, %{reply: ^reply} = result} =
               Executor.execute_with_vars(pipeline, vars, settings, workspace)

      assert length(ScriptedProvider.requests(server)) == length(answers)
      check(pipeline.name, result, ScriptedProvider.requests(server), workspace)
    end
  end

  test "every example has a script" do
    names = for [_, name] <- Regex.scan(~r/^workflow:\n  name: (\w+)$/m, File.read!("README.md")), do: name
    assert Enum.sort(names) == Enum.sort(Map.keys(@scripts))
  end

  defp check("structured", _, [_, second], _), do: assert(inspect(second.body) =~ "too long")

  defp check("conditions", result, _, _) do
    assert [_, _, %{name: "translate", status: :skipped}, _] = result.steps
  end

  defp check("files", result, [request], workspace) do
    assert Workspace.read(workspace, "notes/draft.md") == {:ok, "Only for operators"}
    assert inspect(request.body["messages"]) =~ "notes/draft.md"
    assert [file] = result.files
    assert file =~ ~r"/out/reports/summary_\d{8}-\d{6}\.md\z"
    assert File.read!(file) == "short"
  end

  defp check("settings", _, [outline, write, check], _) do
    assert outline.path =~ "gemini-2.5-pro"
    assert %{"maxOutputTokens" => 512, "temperature" => 0.2} = outline.body["generationConfig"]
    assert write.body["model"] == "claude-haiku-5-5"
    assert write.body["system"] == "You write plainly.\n\nAnswer in English."
    refute Map.has_key?(write.body, "tools")
    refute Map.has_key?(check.body, "temperature")
    assert Enum.map(check.body["tools"], & &1["name"]) == ["Read", "List"]
  end

  defp check(_, _, _, _), do: :ok
end
