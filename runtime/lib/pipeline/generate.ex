defmodule Pipeline.Generate do
  @moduledoc """
  Executes a pipeline with a prompt and writes its last reply, the plan, to a new file.

  `mix pipeline.generate` and `mix pipeline.generate.live` call `generate/5`. `Pipeline.Serve` calls `plan/4`, which writes
  no file.
  """

  alias Pipeline.{Error, Executor, Run, Settings}
  alias Pipeline.Executor.Preflight
  alias Pipeline.Files.{Output, Workspace}

  @genesis Path.expand("../../priv/pipelines/genesis.yaml", __DIR__)

  @doc "Return the path of the pipeline that is executed by default."
  @spec genesis() :: Path.t()
  def genesis, do: @genesis

  @doc """
  Execute the pipeline with the prompt as its variable `user_prompt` and write the plan to `output`.

  The file `output` must not exist yet. By default, the files that steps write by `output_to_file` go to the folder
  `NAME_files` beside `output`, and the workspace is a new folder in `workspaces/` beside it.
  """
  @spec generate(String.t(), Pipeline.t(), Path.t(), Settings.t(), Path.t() | nil) ::
          {:ok, Path.t(), Executor.Result.t()} | {:error, Error.t()}
  def generate(prompt, pipeline, output, settings, workspace) do
    settings = %{settings | output_dir: settings.output_dir || Path.rootname(output) <> "_files"}
    root = workspace || Path.join([Path.dirname(output), "workspaces", Output.fresh_name()])

    with :ok <- Output.check_writable(output, "--output"),
         {:ok, workspace} <- Run.workspace(pipeline, root),
         {:ok, plan, result} <- plan(pipeline, %{"user_prompt" => prompt}, settings, workspace),
         :ok <- write(output, plan, result) do
      {:ok, output, result}
    end
  end

  @doc """
  Execute the pipeline with variables, by name, and return the plan.

  The plan is the last reply. If there is one markdown fence around the whole reply, the fence is removed. Nothing else is
  changed, and nothing checks that the plan is YAML.
  """
  @spec plan(Pipeline.t(), %{String.t() => term()}, Settings.t(), Workspace.t() | nil) ::
          {:ok, String.t(), Executor.Result.t()} | {:error, Error.t()}
  def plan(pipeline, vars, settings, workspace) do
    with {:ok, result} <- Executor.execute_with_vars(pipeline, vars, settings, workspace) do
      {:ok, without_fence(result.reply), result}
    end
  end

  @doc "Check, without a key and without asking a model, that the pipeline takes a prompt and the inputs of these settings."
  @spec check(Pipeline.t(), Settings.t()) :: :ok | {:error, Error.t()}
  def check(pipeline, settings),
    do: Preflight.check_values(pipeline, Map.put(pipeline.variables, "user_prompt", ""), settings)

  @doc "Return the path of a new file under `generated/` in this folder."
  @spec fresh_path(Path.t()) :: Path.t()
  def fresh_path(folder), do: Path.join([folder, "generated", Output.fresh_name() <> ".yaml"])

  defp write(output, plan, result) do
    with {:error, error} <- Output.write_new(output, plan),
         do: {:error, Error.after_run(error, result)}
  end

  # If the reply has two fenced blocks, the first and the last fence do not belong to the same block, so keep them.
  defp without_fence(reply) do
    case Regex.run(~r/\A\s*```(?:ya?ml)?[ \t]*\r?\n(.*?)\r?\n```\s*\z/s, reply) do
      [_, content] -> if content =~ ~r/^```/m, do: reply, else: content <> "\n"
      nil -> reply
    end
  end
end
