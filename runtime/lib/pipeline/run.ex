defmodule Pipeline.Run do
  @moduledoc """
  Executes a pipeline with variables and writes all results to one file, `result.json`, in the run's output folder.

  `mix help pipeline.run` lists the keys of the file.
  """

  alias Pipeline.{Error, Executor, Settings, UsageReport}
  alias Pipeline.Files.{Output, Workspace}
  alias Pipeline.Value.JSON

  @doc """
  Execute the pipeline. Return the path of `result.json`, its contents, and the warnings.

  There is a warning for each step whose answer came from another model than the step asked.
  """
  @spec run(Pipeline.t(), %{String.t() => term()}, Settings.t(), Path.t()) ::
          {:ok, Path.t(), map(), [String.t()]} | {:error, Error.t()}
  def run(pipeline, vars, settings, workspace_root) do
    path = Path.join(settings.output_dir, "result.json")

    with :ok <- Output.check_writable(path, "--output-dir"),
         {:ok, workspace} <- workspace(pipeline, workspace_root),
         {:ok, result} <- Executor.execute_with_vars(pipeline, vars, settings, workspace),
         report = report(pipeline, result, workspace),
         :ok <- write(path, report, result) do
      {:ok, path, report, UsageReport.substitutions(result)}
    end
  end

  @doc "Create the workspace if a step needs one. Return nil otherwise."
  @spec workspace(Pipeline.t(), Path.t()) :: {:ok, Workspace.t() | nil} | {:error, Error.t()}
  def workspace(pipeline, root),
    do: if(Pipeline.needs_workspace?(pipeline), do: Workspace.open(root), else: {:ok, nil})

  defp write(path, report, result) do
    with {:error, error} <- Output.write_new(path, [JSON.encode(report), "\n"]),
         do: {:error, Error.after_run(error, result)}
  end

  defp report(pipeline, result, workspace) do
    %{
      pipeline: pipeline.name,
      reply: result.reply,
      answers: Map.new(result.answers, fn {name, answer} -> {name, answer.value} end),
      files: result.files,
      workspace: workspace && workspace.root
    }
    |> Map.merge(UsageReport.json(result))
  end
end
