defmodule Pipeline.Serve.Folder do
  @moduledoc """
  Creates the folder of a run, for its workspace and for the files that its steps write. The folder is removed when the run
  ends, in whatever way it ends.

  A guard process watches the run. It ends the steps of the run before it removes the folder, because a step that still writes
  would create the folder again.
  """

  alias Pipeline.Error
  alias Pipeline.System.{Signals, SupervisedTask}

  @doc "Create the folder of a run. The calling process has to be the run."
  @spec create(String.t()) :: {:ok, Path.t()} | {:error, Error.t()}
  def create(id) do
    # The id is random, so nobody else can have created a folder with this name.
    folder = Path.join(System.tmp_dir!(), "pipeline-#{id}")
    run = self()

    {guard, guard_monitor} =
      spawn_monitor(fn ->
        Signals.register_cleanup()
        monitor = Process.monitor(run)
        send(run, {:guarded, self()})
        guard(run, monitor, folder)
      end)

    receive do
      {:guarded, ^guard} -> Process.demonitor(guard_monitor, [:flush])
      {:DOWN, ^guard_monitor, _, _, _} -> :not_guarded
    end

    with :ok <- File.mkdir(folder),
         :ok <- File.chmod(folder, 0o700) do
      {:ok, folder}
    else
      {:error, reason} -> {:error, Error.new(:write, "#{folder}: #{:file.format_error(reason)}")}
    end
  end

  defp guard(run, monitor, folder) do
    receive do
      {:DOWN, ^monitor, _, _, _} -> remove(run, folder)
      :vm_ends -> remove(run, folder)
    end
  end

  defp remove(run, folder) do
    Process.exit(run, :kill)
    SupervisedTask.end_all_of(run)
    File.rm_rf(folder)
  end
end
