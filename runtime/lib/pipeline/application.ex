defmodule Pipeline.Application do
  @moduledoc """
  Starts the processes that every command needs:

    * `Pipeline.System.Signals` - the list of processes that have to finish or clean up before the VM ends
    * `Pipeline.Steps` - the supervisor of the tasks in which steps run. If a step crashes, its run ends with an error
    * a task that removes the folders of VMs that were killed (`Pipeline.Files.StaleFolders`)
  """

  use Application

  @impl true
  def start(_type, _arguments) do
    :ok = Pipeline.Model.HTTP.start()

    children = [
      Pipeline.System.Signals,
      {Task.Supervisor, name: Pipeline.Steps},
      {Task, &Pipeline.Files.StaleFolders.remove/0}
    ]

    Supervisor.start_link(children, strategy: :one_for_one, name: Pipeline.Supervisor)
  end
end
