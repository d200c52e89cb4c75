defmodule Pipeline.Executor.Action do
  @moduledoc "Does what a step says, in the process that it is called in: asks a model, works on files, sets variables."

  alias Pipeline.{Error, Model, Settings, Step}
  alias Pipeline.Executor.Prompt
  alias Pipeline.Files.Workspace
  alias Pipeline.Model.{Answer, Ask}

  @doc "The answer, and the variables that it sets."
  @spec perform(Step.t(), Prompt.scope(), Settings.t(), Workspace.t() | nil) ::
          {:ok, Answer.t(), %{String.t() => term()}} | {:error, Error.t()}
  def perform(%Step{action: %Ask{} = ask} = step, scope, settings, workspace) do
    with {:ok, texts} <- Prompt.render(step, ask.prompt, scope, settings),
         {:ok, answer} <- Model.answer(ask, texts, settings, workspace) do
      {:ok, answer, %{}}
    end
  end

  def perform(%Step{action: {:set_variable, values}} = step, scope, settings, _) do
    values
    |> Enum.reduce_while({:ok, %{}}, fn {name, part}, {:ok, set} ->
      case value(part, scope, settings) do
        {:ok, value} -> {:cont, {:ok, Map.put(set, name, value)}}
        :nothing -> {:cont, {:ok, set}}
        {:error, message} -> {:halt, {:error, failed(step, message)}}
      end
    end)
    |> case do
      {:ok, set} -> {:ok, answer(set), set}
      error -> error
    end
  end

  def perform(%Step{action: {:file_ops, operation, fields}} = step, scope, settings, workspace) do
    with {:ok, fields} <- texts(step, Map.to_list(fields), scope, settings),
         {:ok, value} <- file(operation, fields, workspace) do
      {:ok, answer(value), %{}}
    else
      {:error, %Error{} = error} -> {:error, error}
      {:error, reason} -> {:error, failed(step, reason)}
    end
  end

  # A whole answer is taken as what it stands for, so that a list stays a list.
  defp value({:previous_response, step, []}, scope, _) when is_map_key(scope.answers, step),
    do: {:ok, scope.answers[step].value}

  defp value(part, scope, settings), do: Prompt.value(part, scope, settings)

  defp texts(step, fields, scope, settings) do
    Enum.reduce_while(fields, {:ok, %{}}, fn
      {key, path}, {:ok, read} when is_binary(path) ->
        {:cont, {:ok, Map.put(read, key, path)}}

      {key, parts}, {:ok, read} ->
        case Prompt.render(step, parts, scope, settings) do
          {:ok, texts} -> {:cont, {:ok, Map.put(read, key, Enum.join(texts))}}
          error -> {:halt, error}
        end
    end)
  end

  defp file(:read, fields, workspace), do: Workspace.read(workspace, fields.path)
  defp file(:list, fields, workspace), do: Workspace.list(workspace, Map.get(fields, :path, "."))

  defp file(:write, fields, workspace) do
    with :ok <- Workspace.write(workspace, fields.path, fields.content), do: {:ok, fields.path}
  end

  defp file(:edit, fields, workspace) do
    with :ok <- Workspace.edit(workspace, fields.path, fields.old, fields.new), do: {:ok, fields.path}
  end

  defp file(:copy, fields, workspace) do
    with {:ok, text} <- Workspace.read(workspace, fields.source),
         :ok <- Workspace.write(workspace, fields.destination, text) do
      {:ok, fields.destination}
    end
  end

  defp answer(value), do: %Answer{text: Prompt.text(value), value: value}
  defp failed(step, reason), do: Error.new(:step, "step #{step.name}: #{reason}")
end
