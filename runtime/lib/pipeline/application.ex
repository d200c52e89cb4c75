defmodule Pipeline.Application do
  @moduledoc """
  What is supervised: the tasks in which steps run, so that a crash of one is an error value of its run, and the list of
  those that have something to clear away.
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
