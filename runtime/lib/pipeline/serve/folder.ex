defmodule Pipeline.Serve.Folder do
  @moduledoc """
  A run's own folder, for its workspace and for what its steps write. It goes when the run has ended, however that was: a
  process stands by that ends the run's steps first, as one that still writes would make the folder anew.
  """

  alias Pipeline.Error
  alias Pipeline.System.{Signals, SupervisedTask}

  @doc "Make the folder of the run that is the calling process."
  @spec make(String.t()) :: {:ok, Path.t()} | {:error, Error.t()}
  def make(id) do
    # The id is drawn at random, so that nobody else can have made this folder.
    folder = Path.join(System.tmp_dir!(), "pipeline-#{id}")
    run = self()

    {guard, ended} =
      spawn_monitor(fn ->
        Signals.clear_before_end()
        monitor = Process.monitor(run)
        send(run, {:guarded, self()})
        guard(run, monitor, folder)
      end)

    receive do
      {:guarded, ^guard} -> Process.demonitor(ended, [:flush])
      {:DOWN, ^ended, _, _, _} -> :not_guarded
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
      {:DOWN, ^monitor, _, _, _} -> clean(run, folder)
      :vm_ends -> clean(run, folder)
    end
  end

  defp clean(run, folder) do
    Process.exit(run, :kill)
    SupervisedTask.end_all_of(run)
    File.rm_rf(folder)
  end
end
