defmodule Pipeline.Serve.Run do
  @moduledoc """
  One run, in a process of its own: a request goes in, what clients are told of its end comes out, as JSON. It is encoded
  once and here, however often it is asked for.

  Its workspace, and what its steps write by `output_to_file`, are in a folder of its own, which goes with it; the files
  are part of what is told.
  """

  alias Pipeline.{Error, Generate, Settings, UsageReport}
  alias Pipeline.Serve.{Folder, RunRequest}
  alias Pipeline.Value.JSON

  @type status :: :running | :done | :failed | :cancelled
  @type ended :: {status(), json :: binary()}

  @doc "Begin it under `Pipeline.Runs`. The caller gets the task's messages; its reply is an `t:ended/0`."
  @spec start(String.t(), RunRequest.t()) :: Task.t()
  def start(id, %RunRequest{} = run_request) do
    Task.Supervisor.async_nolink(Pipeline.Runs, fn -> execute(id, run_request) end)
  end

  @doc "End it; its steps do not outlive it, and its folder goes after them. Nothing of it is heard after that."
  @spec stop(Task.t()) :: :ok
  def stop(%Task{} = task) do
    Process.demonitor(task.ref, [:flush])
    Process.exit(task.pid, :kill)
    :ok
  end

  @doc "What is said of a run that has not ended by itself."
  @spec said(String.t(), status(), Error.t() | nil) :: binary()
  def said(id, status, error \\ nil), do: encode(%{id: id, status: status}, error)

  @doc "A run that crashed, without the values that made it crash: they may be a prompt or a plan."
  @spec crashed(String.t(), term()) :: ended()
  def crashed(id, reason),
    do: {:failed, said(id, :failed, Error.new(:crashed, "the run crashed: #{name(reason)}"))}

  defp execute(id, run_request) do
    begun = System.monotonic_time(:millisecond)

    with {:ok, folder} <- folder(id, run_request.pipeline) do
      files = folder && Path.join(folder, "files")

      settings =
        Settings.from_environment(seed: run_request.seed, inputs: run_request.inputs, output_dir: files)

      try do
        with {:ok, workspace} <- workspace(run_request.pipeline, folder),
             {:ok, text, result} <- Generate.plan(run_request.pipeline, run_request.vars, settings, workspace) do
          {:ok, done(id, text, result, run_request, files, begun)}
        end
      after
        # Before anybody hears of the end: whoever does may look.
        if folder, do: File.rm_rf(folder)
      end
    end
    |> case do
      {:ok, done} ->
        {:done, encode(done, nil)}

      {:error, %Error{} = error} ->
        {:failed, encode(failed(id, error, begun), error)}
    end
  end

  defp failed(id, error, begun),
    do: Map.merge(%{id: id, status: :failed, seconds: since(begun)}, UsageReport.json(error))

  # Only where it is needed: a VM that is killed leaves it behind.
  defp folder(id, pipeline) do
    if Pipeline.needs_workspace?(pipeline) or Enum.any?(Pipeline.all_steps(pipeline), & &1.output_to_file),
      do: Folder.make(id),
      else: {:ok, nil}
  end

  defp workspace(_, nil), do: {:ok, nil}
  defp workspace(pipeline, folder), do: Pipeline.Run.workspace(pipeline, Path.join(folder, "workspace"))

  defp done(id, text, result, run_request, files, begun) do
    %{
      id: id,
      status: :done,
      text: text,
      seconds: since(begun),
      files: Map.new(result.files, &{Path.relative_to(&1, files), File.read!(&1)}),
      warnings: run_request.pipeline.warnings ++ UsageReport.substitutions(result)
    }
    |> Map.merge(UsageReport.json(result))
  end

  defp encode(map, nil), do: JSON.encode(map)

  defp encode(map, %Error{kind: kind, message: message}),
    do: map |> Map.put(:error, %{kind: kind, message: message}) |> encode(nil)

  defp since(begun), do: (System.monotonic_time(:millisecond) - begun) / 1000

  defp name({%kind{}, _}), do: inspect(kind)
  defp name({reason, _}) when is_atom(reason), do: inspect(reason)
  defp name(reason) when is_atom(reason), do: inspect(reason)
  defp name(_), do: "for a reason that may hold its prompt"
end
