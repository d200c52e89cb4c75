defmodule Pipeline.Workspace do
  @moduledoc """
  A run's own folder, and the only one that its file tools reach: no path leaves it.
  """

  alias Pipeline.Error

  @enforce_keys [:root]
  defstruct [:root]

  @type t :: %__MODULE__{root: Path.t()}

  @doc "The folder, made if it is missing."
  @spec open(Path.t()) :: {:ok, t()} | {:error, Error.t()}
  def open(root) do
    case File.mkdir_p(root) do
      :ok -> {:ok, %__MODULE__{root: Path.expand(root)}}
      {:error, reason} -> {:error, Error.new(:write, "#{root}: #{:file.format_error(reason)}")}
    end
  end
end
