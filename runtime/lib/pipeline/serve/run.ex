defmodule Pipeline.Serve.Run do
  @moduledoc """
  Executes one run in its own process and returns its result as JSON. The result is encoded only once, because clients may read
  it several times.

  The workspace of the run, and the files that its steps write by `output_to_file`, are in the run's own folder. The result
  contains the texts of these files, because the folder is removed at the end.
  """

  alias Pipeline.{Error, Generate, Settings, UsageReport}
  alias Pipeline.Serve.{Folder, RunRequest}
  alias Pipeline.Value.JSON

  @type status :: :running | :done | :failed | :cancelled
  @type outcome :: {status(), json :: binary()}

  @doc "Start a run under the supervisor `Pipeline.Runs`. The task returns a `t:outcome/0` to the caller."
  @spec start(String.t(), RunRequest.t()) :: Task.t()
  def start(id, %RunRequest{} = run_request) do
    Task.Supervisor.async_nolink(Pipeline.Runs, fn -> execute(id, run_request) end)
  end

  @doc """
  End a run. Its steps end with it, and then its folder is removed. The caller gets no further message from the task.
  """
  @spec stop(Task.t()) :: :ok
  def stop(%Task{} = task) do
    Process.demonitor(task.ref, [:flush])
    Process.exit(task.pid, :kill)
    :ok
  end

  @doc "Return the JSON of a run that is under way, or that was ended from outside."
  @spec json(String.t(), status(), Error.t() | nil) :: binary()
  def json(id, status, error \\ nil), do: encode(%{id: id, status: status}, error)

  @doc "Return the outcome of a run that crashed. The values in the reason are left out: they may be a prompt or a plan."
  @spec crashed(String.t(), term()) :: outcome()
  def crashed(id, reason),
    do: {:failed, json(id, :failed, Error.new(:crashed, "the run crashed: #{name(reason)}"))}

  defp execute(id, run_request) do
    start = System.monotonic_time(:millisecond)

    with {:ok, folder} <- folder(id, run_request.pipeline) do
      files = folder && Path.join(folder, "files")

      settings =
        Settings.from_environment(seed: run_request.seed, inputs: run_request.inputs, output_dir: files)

      try do
        with {:ok, workspace} <- workspace(run_request.pipeline, folder),
             {:ok, text, result} <- Generate.plan(run_request.pipeline, run_request.vars, settings, workspace) do
          {:ok, success_report(id, text, result, run_request, files, start)}
        end
      after
        # Remove the folder before a client learns that the run has ended.
        if folder, do: File.rm_rf(folder)
      end
    end
    |> case do
      {:ok, report} ->
        {:done, encode(report, nil)}

      {:error, %Error{} = error} ->
        {:failed, encode(failure_report(id, error, start), error)}
    end
  end

  defp failure_report(id, error, start),
    do: Map.merge(%{id: id, status: :failed, seconds: seconds_since(start)}, UsageReport.json(error))

  # Create a folder only if the run needs one, because a VM that is killed leaves the folder behind.
  defp folder(id, pipeline) do
    if Pipeline.needs_workspace?(pipeline) or Enum.any?(Pipeline.all_steps(pipeline), & &1.output_to_file),
      do: Folder.create(id),
      else: {:ok, nil}
  end

  defp workspace(_, nil), do: {:ok, nil}
  defp workspace(pipeline, folder), do: Pipeline.Run.workspace(pipeline, Path.join(folder, "workspace"))

  defp success_report(id, text, result, run_request, files, start) do
    %{
      id: id,
      status: :done,
      text: text,
      seconds: seconds_since(start),
      files: Map.new(result.files, &{Path.relative_to(&1, files), File.read!(&1)}),
      warnings: run_request.pipeline.warnings ++ UsageReport.substitutions(result)
    }
    |> Map.merge(UsageReport.json(result))
  end

  defp encode(map, nil), do: JSON.encode(map)

  defp encode(map, %Error{kind: kind, message: message}),
    do: map |> Map.put(:error, %{kind: kind, message: message}) |> encode(nil)

  defp seconds_since(start), do: (System.monotonic_time(:millisecond) - start) / 1000

  defp name({%kind{}, _}), do: inspect(kind)
  defp name({reason, _}) when is_atom(reason), do: inspect(reason)
  defp name(reason) when is_atom(reason), do: inspect(reason)
  defp name(_), do: "the reason is not shown, because it may contain the prompt"
end
