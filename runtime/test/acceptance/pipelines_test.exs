defmodule Pipeline.Acceptance.PipelinesTest do
  @moduledoc "Tests pipeline files of real users: some of them run, and the others are refused for known reasons."

  use ExUnit.Case, async: true

  alias Pipeline.{Error, Executor, Loader, ScriptedProvider}
  alias Pipeline.Files.Workspace

  @moduletag :tmp_dir
  @folder Path.expand("../../../tests/data/pipelines", __DIR__)

  # The files that run: the provider of each model step in order, and the lines and texts of the warnings.
  @run %{
    "engineering_innovation_single_step" => {[:claude], []},
    "examples_claude_format_issue_simple" =>
      {[:claude, :claude],
       [{17, "claude_options.verbose"}, {28, "output_format"}, {30, "claude_options.verbose"}]},
    "examples_claude_smart_simple_live" => {[:gemini, :gemini], []},
    "examples_test_live_simple" =>
      {[:gemini, :claude, :gemini], [{5, "workflow.workspace_dir"}, {11, "claude_options.verbose"}]},
    "research_paper_improvement_gemini_pro_delayed" => {[:gemini], []},
    "research_paper_improvement_pipeline" =>
      {[:gemini, :claude], [{48, "pass_through_streaming"}, {49, "claude_options.verbose"}]},
    "simple_genesis" => {[:claude], [{16, "{{pipeline_request}} is sent unchanged"}]},
    "test_claude_robust" => {[:claude], []},
    "test_simple_workflow" => {[:claude, :gemini], []},
    "workflows_explain_code" => {[:gemini], []},
    "workflows_quick_review" => {[:claude], []}
  }

  # The files that are refused: the lines and texts of the problems.
  @refused %{
    "blog_generator" => [{1, "the key workflow is missing at the top: put name and steps below it"}],
    "examples_claude_batch_example" => [
      {8, ~s(steps[0].type: "claude_batch" is not supported)},
      {34, ~s(steps[1].type: "claude_batch" is not supported)},
      {56, ~s(steps[2].type: "claude_batch" is not supported)}
    ],
    "examples_claude_output_formats_test" => [
      {68, ~s(steps[5].type: "claude_batch" is not supported)},
      {107, ~s(steps[7].type: "claude_session" is not supported)},
      {139, "steps[8].extraction_config.post_processing: is not supported here"}
    ],
    "examples_claude_session_example" => [
      {8, ~s(steps[0].type: "claude_session" is not supported)},
      {23, ~s(steps[1].type: "claude_session" is not supported)},
      {37, ~s(steps[2].type: "claude_session" is not supported)}
    ],
    "examples_context_management_example" => [
      {10, "workflow.enable_context_management: is not supported here"},
      {13, "workflow.setting_sources: is not supported here"},
      {22, "steps[0].prompt: is a text, expected a list of parts"},
      {39, "steps[1].prompt: is a text"},
      {60, "steps[2].prompt: is a text"},
      {82, "steps[3].prompt: is a text"},
      {103, "steps[4].prompt: is a text"},
      {124, "steps[5].prompt: is a text"}
    ],
    "examples_enhanced_features_showcase" => [
      {41, ~s(steps[2].type: "claude_session" is not supported)},
      {61, "steps[3].extraction_config.post_processing: is not supported here"},
      {62, "steps[3].extraction_config.include_metadata: is not supported here"},
      {72, ~s(steps[4].type: "claude_batch" is not supported)},
      {106, "steps[5].claude_options.retry_config: is not supported here"},
      {113, ~s(steps[6].type: "claude_session" is not supported)},
      {130, ~s(steps[7].extraction_config.format: "markdown" is not known)},
      {131, "steps[7].extraction_config.post_processing: is not supported here"},
      {132, "steps[7].extraction_config.max_summary_length: is not supported here"},
      {133, "steps[7].extraction_config.include_metadata: is not supported here"},
      {137, "steps[7].prompt[0].extract_with: is not supported here"}
    ],
    "examples_hooks_example" => [
      {10, "workflow.hooks: is not supported here"},
      {25, "steps[0].prompt: is a text"},
      {36, "steps[1].prompt: is a text"},
      {45, "steps[2].prompt: is a text"},
      {56, "steps[3].prompt: is a text"}
    ],
    "examples_memory_compaction_example" => [
      {10, "workflow.memory_config: is not supported here"},
      {16, "workflow.enable_context_management: is not supported here"},
      {17, "workflow.setting_sources: is not supported here"},
      {23, "steps[0].prompt: is a text"},
      {47, "steps[1].prompt: is a text"},
      {69, "steps[2].prompt: is a text"},
      {94, "steps[3].prompt: is a text"},
      {122, "steps[4].prompt: is a text"},
      {150, "steps[5].prompt: is a text"}
    ],
    "examples_meta_simple_genesis_test" => [{4, "the key workflow is missing at the top"}],
    "examples_performance_demo" => [
      {11, "steps[0].streaming: is not supported here"},
      {17, ~s(steps[1].operation: "stream_copy" is not supported)},
      {23, ~s(steps[2].type: "for_loop" is not supported)},
      {35, ~s(steps[3].type: "data_transform" is not supported)},
      {56, ~s(steps[4].operation: "stream_process" is not supported)}
    ],
    "examples_simple_comprehensive_example" => [
      {21, "workflow.defaults.gemini_token_budget.top_p: is not supported here"},
      {22, "workflow.defaults.gemini_token_budget.top_k: is not supported here"},
      {61, "steps[0].token_budget.top_p: is not supported here"},
      {62, "steps[0].token_budget.top_k: is not supported here"},
      {90, "steps[1].prompt[1].extract: that step answers with a text"},
      {94, ~s(steps[2].type: "parallel_claude" is not supported)}
    ],
    "examples_skills_example" => [
      {10, "workflow.enable_skills: is not supported here"},
      {13, "workflow.setting_sources: is not supported here"},
      {31, "steps[0].options: is not supported here"},
      {55, "steps[1].options: is not supported here"},
      {79, "steps[2].options: is not supported here"},
      {99, "steps[3].options: is not supported here"}
    ],
    "generated_pipeline" => [{1, "the key workflow is missing at the top: put name and steps below it"}]
  }

  test "each file is in one of the two tables, and at least ten files run" do
    files = for file <- Path.wildcard(Path.join(@folder, "*.yaml")), do: Path.basename(file, ".yaml")
    assert Enum.sort(Map.keys(@run) ++ Map.keys(@refused)) == Enum.sort(files)
    assert length(files) == 24
    assert map_size(@run) >= 10
  end

  for {name, reasons} <- @refused do
    test "#{name} is refused with all problems in their places" do
      file = Path.join(@folder, unquote(name) <> ".yaml")
      assert {:error, %Error{kind: :pipeline, message: message}} = Loader.load(file)
      assert_lines(String.split(message, "\n"), file, unquote(reasons))
    end
  end

  for {name, {families, warnings}} <- @run do
    test "#{name} runs", %{tmp_dir: folder} do
      file = Path.join([folder, "pipelines", unquote(name) <> ".yaml"])
      File.mkdir_p!(Path.dirname(file))
      File.cp!(Path.join(@folder, unquote(name) <> ".yaml"), file)
      # One pipeline reads this file.
      paper = Path.join(folder, "research_papers/tex/ResearchProposal-ChiralNarrativeSynthesis_3.tex")
      File.mkdir_p!(Path.dirname(paper))
      File.write!(paper, "\\documentclass{article}")

      assert {:ok, pipeline} = Loader.load(file)
      assert_lines(pipeline.warnings, file, unquote(warnings))

      families = unquote(families)

      answers =
        for {family, index} <- Enum.with_index(families),
            do: apply(Pipeline.Answers, family, ["answer #{index}"])

      server = start_supervised!({ScriptedProvider, answers})
      {:ok, workspace} = Workspace.open(Path.join(folder, "workspace"))
      inputs = for {name, _} <- Pipeline.inputs(pipeline), into: %{}, do: {name, {:text, "defmodule Code"}}
      settings = ScriptedProvider.settings(server, inputs: inputs, output_dir: Path.join(folder, "out"))
      assert {:ok, result} = Executor.execute_with_vars(pipeline, %{}, settings, workspace)

      assert result.reply == "answer #{length(families) - 1}"
      assert Enum.map(result.steps, & &1.status) == Enum.map(families, fn _ -> :done end)
      paths = server |> ScriptedProvider.requests() |> Enum.map(& &1.path)
      assert Enum.map(paths, &if(&1 == "/v1/messages", do: :claude, else: :gemini)) == families
      assert Enum.all?(result.files, &(File.read!(&1) =~ "answer"))
    end
  end

  # Check that the lines have these numbers and reasons, in this order, and that there are no other lines.
  defp assert_lines(lines, file, expected) do
    assert length(lines) == length(expected), Enum.join(lines, "\n")

    for {line, {number, reason}} <- Enum.zip(lines, expected) do
      assert String.starts_with?(line, if(number, do: "#{file}:#{number}: ", else: "#{file}: "))
      assert line =~ reason
    end
  end
end
