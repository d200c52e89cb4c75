defmodule Pipeline.Generate do
  @moduledoc "A prompt goes in, the file that a pipeline wrote from it comes out."

  alias Pipeline.{Error, Executor, Run, Settings}
  alias Pipeline.Files.{Output, Workspace}

  @genesis Path.expand("../../priv/pipelines/genesis.yaml", __DIR__)

  @doc "The pipeline that is executed where none is named."
  @spec genesis() :: Path.t()
  def genesis, do: @genesis

  @doc """
  Execute the pipeline with the prompt as its variable `user_prompt`, and write the plan to `output`, which must not
  exist yet. What its steps write by `output_to_file` goes to a folder beside it, and so does a workspace.
  """
  @spec generate(String.t(), Pipeline.t(), Path.t(), Settings.t(), Path.t() | nil) ::
          {:ok, Path.t(), Executor.Result.t()} | {:error, Error.t()}
  def generate(prompt, pipeline, output, settings, workspace) do
    settings = %{settings | output_dir: settings.output_dir || Path.rootname(output) <> "_files"}
    root = workspace || Path.join([Path.dirname(output), "workspaces", Output.fresh_name()])

    with :ok <- Output.check_writable(output, "--output"),
         {:ok, workspace} <- Run.workspace(pipeline, root),
         {:ok, plan, result} <- plan(pipeline, %{"user_prompt" => prompt}, settings, workspace),
         :ok <- written(output, plan, result) do
      {:ok, output, result}
    end
  end

  @doc """
  Execute the pipeline with variables, by name. The plan is the last reply: a markdown fence around the whole of it is taken
  off, nothing else of it is changed, and whether it is YAML is not for this side to judge.
  """
  @spec plan(Pipeline.t(), %{String.t() => term()}, Settings.t(), Workspace.t() | nil) ::
          {:ok, String.t(), Executor.Result.t()} | {:error, Error.t()}
  def plan(pipeline, vars, settings, workspace) do
    with {:ok, result} <- Executor.execute_with_vars(pipeline, vars, settings, workspace) do
      {:ok, unfenced(result.reply), result}
    end
  end

  @doc "A new file's path under `generated/` in this folder."
  @spec fresh_path(Path.t()) :: Path.t()
  def fresh_path(folder), do: Path.join([folder, "generated", Output.fresh_name() <> ".yaml"])

  defp written(output, plan, result) do
    with {:error, error} <- Output.write_new(output, plan),
         do: {:error, Error.after_run(error, result)}
  end

  defp unfenced(reply) do
    case Regex.run(~r/\A\s*```(?:ya?ml)?[ \t]*\r?\n(.*?)\r?\n```\s*\z/s, reply) do
      [_, inside] -> if inside =~ ~r/^```/m, do: reply, else: inside <> "\n"
      nil -> reply
    end
  end
end
