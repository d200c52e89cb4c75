defmodule Pipeline.Executor.Action do
  @moduledoc """
  Performs the action of one step in the calling process. The action asks a model, works on files, or sets variables.

  Parallel groups are not performed here, but by `Pipeline.Executor`.
  """

  alias Pipeline.{Error, Model, Settings, Step}
  alias Pipeline.Executor.Prompt
  alias Pipeline.Files.Workspace
  alias Pipeline.Model.{Answer, Ask}

  @doc "Perform the action. Return the step's answer and the variables that the step sets."
  @spec perform(Step.t(), Prompt.scope(), Settings.t(), Workspace.t() | nil) ::
          {:ok, {Answer.t(), %{String.t() => term()}}} | {:error, Error.t()}
  def perform(%Step{action: %Ask{} = ask} = step, scope, settings, workspace) do
    with {:ok, texts} <- Prompt.render(step, ask.prompt, scope, settings),
         {:ok, answer} <- Model.answer(ask, texts, settings, workspace) do
      {:ok, {answer, %{}}}
    end
  end

  def perform(%Step{action: {:set_variable, values}} = step, scope, settings, _) do
    values
    |> Enum.reduce_while({:ok, %{}}, fn {name, part}, {:ok, vars} ->
      case value(part, scope, settings) do
        {:ok, value} -> {:cont, {:ok, Map.put(vars, name, value)}}
        :nothing -> {:cont, {:ok, vars}}
        {:error, message} -> {:halt, {:error, step_error(step, message)}}
      end
    end)
    |> case do
      {:ok, vars} -> {:ok, {answer(vars), vars}}
      error -> error
    end
  end

  def perform(%Step{action: {:file_ops, operation, fields}} = step, scope, settings, workspace) do
    with {:ok, fields} <- render_fields(step, Map.to_list(fields), scope, settings),
         {:ok, value} <- work_on_file(operation, fields, workspace) do
      {:ok, {answer(value), %{}}}
    else
      {:error, %Error{} = error} -> {:error, error}
      {:error, reason} -> {:error, step_error(step, reason)}
    end
  end

  # A prompt takes the text of a whole answer, but a variable takes its value. A list stays a list.
  defp value({:previous_response, step, []}, scope, _) when is_map_key(scope.answers, step),
    do: {:ok, scope.answers[step].value}

  defp value(part, scope, settings), do: Prompt.value(part, scope, settings)

  defp render_fields(step, fields, scope, settings) do
    Enum.reduce_while(fields, {:ok, %{}}, fn
      {key, path}, {:ok, texts} when is_binary(path) ->
        {:cont, {:ok, Map.put(texts, key, path)}}

      {key, parts}, {:ok, texts} ->
        case Prompt.render(step, parts, scope, settings) do
          {:ok, rendered_parts} -> {:cont, {:ok, Map.put(texts, key, Enum.join(rendered_parts))}}
          error -> {:halt, error}
        end
    end)
  end

  defp work_on_file(:read, fields, workspace), do: Workspace.read(workspace, fields.path)
  defp work_on_file(:list, fields, workspace), do: Workspace.list(workspace, Map.get(fields, :path, "."))

  defp work_on_file(:write, fields, workspace) do
    with :ok <- Workspace.write(workspace, fields.path, fields.content), do: {:ok, fields.path}
  end

  defp work_on_file(:edit, fields, workspace) do
    with :ok <- Workspace.edit(workspace, fields.path, fields.old, fields.new), do: {:ok, fields.path}
  end

  defp work_on_file(:copy, fields, workspace) do
    with {:ok, text} <- Workspace.read(workspace, fields.source),
         :ok <- Workspace.write(workspace, fields.destination, text) do
      {:ok, fields.destination}
    end
  end

  defp answer(value), do: %Answer{text: Prompt.text(value), value: value}
  defp step_error(step, reason), do: Error.new(:step, "step #{step.name}: #{reason}")
end
