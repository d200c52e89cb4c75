defmodule Pipeline.Generate do
  @moduledoc "A prompt goes in, the file that a pipeline wrote from it comes out."

  alias Pipeline.{Error, Executor, Output, Run, Settings, Workspace}

  @genesis Path.expand("../../priv/pipelines/genesis.yaml", __DIR__)

  @doc "The pipeline that is executed where none is named."
  @spec genesis() :: Path.t()
  def genesis, do: @genesis

  @doc """
  Execute the pipeline with the prompt as its variable `user_prompt`, and write the plan to `output`, which must not
  exist yet. What its steps write by `output_to_file` goes to a folder beside it, and so does a workspace.
  """
  @spec generate(String.t(), Pipeline.t(), Path.t(), Settings.t(), Path.t() | nil) ::
          {:ok, Path.t()} | {:error, Error.t()}
  def generate(prompt, pipeline, output, settings, workspace \\ nil) do
    settings = %{settings | output_dir: settings.output_dir || Path.rootname(output) <> "_files"}
    root = workspace || Path.join([Path.dirname(output), "workspaces", Output.fresh_name()])

    with :ok <- free(output),
         {:ok, workspace} <- Run.workspace(pipeline, root),
         {:ok, plan, _} <- plan(pipeline, prompt, settings, workspace),
         :ok <- Output.write_new(output, plan) do
      {:ok, output}
    end
  end

  @doc """
  Execute the pipeline with the prompt as its variable `user_prompt`. The plan is the last reply: a markdown fence around
  the whole of it is taken off, nothing else of it is changed, and whether it is YAML is not for this side to judge.

  A pipeline that works on files and is given no workspace has one for the time of the call.
  """
  @spec plan(Pipeline.t(), String.t(), Settings.t(), Workspace.t() | nil) ::
          {:ok, String.t(), Executor.Result.t()} | {:error, Error.t()}
  def plan(pipeline, prompt, settings, workspace \\ nil) do
    if workspace == nil and Pipeline.needs_workspace?(pipeline) do
      root = Path.join(System.tmp_dir!(), "pipeline-#{Output.fresh_name()}")

      try do
        with {:ok, workspace} <- Workspace.open(root), do: execute(pipeline, prompt, settings, workspace)
      after
        File.rm_rf(root)
      end
    else
      execute(pipeline, prompt, settings, workspace)
    end
  end

  defp execute(pipeline, prompt, settings, workspace) do
    with {:ok, result} <-
           Executor.execute_with_vars(pipeline, %{"user_prompt" => prompt}, settings, workspace) do
      {:ok, unfenced(result.reply), result}
    end
  end

  @doc "A new file's path under `generated/` in this folder."
  @spec fresh_path(Path.t()) :: Path.t()
  def fresh_path(folder), do: Path.join([folder, "generated", Output.fresh_name() <> ".yaml"])

  # Said before a model is paid, and again when the file is written.
  defp free(output) do
    if File.exists?(output),
      do: {:error, Error.new(:usage, "#{output} exists already: name a new file with --output")},
      else: :ok
  end

  defp unfenced(reply) do
    case Regex.run(~r/\A\s*```(?:ya?ml)?[ \t]*\r?\n(.*?)\r?\n```\s*\z/s, reply) do
      [_, inside] -> if inside =~ ~r/^```/m, do: reply, else: inside <> "\n"
      nil -> reply
    end
  end
end
