defmodule Pipeline.Executor.Prompt do
  @moduledoc """
  Renders the parts of a step's prompt to texts, each sent as a part of its own.

  Values are put in literally, once: a `{{…}}` in a user's or a model's text means nothing here. What is no text is
  written as JSON.
  """

  alias Pipeline.{Error, Settings, Step}
  alias Pipeline.Files.UserFile
  alias Pipeline.Model.{Answer, Ask}
  alias Pipeline.Value.{Extract, JSON}

  # As much as a server takes in one request.
  @longest 64_000_000

  @type scope :: %{vars: %{String.t() => term()}, answers: %{String.t() => Answer.t()}}

  @spec render(Step.t(), [Ask.part()], scope(), Settings.t()) :: {:ok, [String.t()]} | {:error, Error.t()}
  def render(step, parts, scope, settings) do
    parts
    |> Enum.reduce_while([], fn part, texts ->
      case value(part, scope, settings) do
        {:ok, value} -> {:cont, [text(value) | texts]}
        :nothing -> {:cont, texts}
        {:error, message} -> {:halt, {:error, Error.new(:pipeline, "step #{step.name}: #{message}")}}
      end
    end)
    |> case do
      {:error, error} -> {:error, error}
      texts -> {:ok, Enum.reverse(texts)}
    end
  end

  @doc "What a part stands for, as it is."
  @spec value(Ask.part() | {:value, term()}, scope(), Settings.t()) ::
          {:ok, term()} | :nothing | {:error, String.t()}
  def value({:value, value}, _, _), do: {:ok, value}
  def value({:static, content}, _, _), do: {:ok, content}
  def value({:file, path}, _, _), do: file(Path.basename(path), path)

  def value({:optional, {:previous_response, step, _} = part}, scope, settings),
    do: if(is_map_key(scope.answers, step), do: value(part, scope, settings), else: :nothing)

  def value({:previous_response, step, path}, scope, _) do
    with %{^step => answer} <- scope.answers,
         {:ok, value} <- taken(answer, path) do
      {:ok, value}
    else
      {:error, found} ->
        {:error, "cannot take a value from the answer of #{inspect(step)}: #{found}"}

      _ ->
        {:error, "the step #{inspect(step)} was skipped, it has no answer: set optional: true to do without"}
    end
  end

  def value({:variable, name}, scope, _) do
    case scope.vars do
      %{^name => value} -> {:ok, value}
      _ -> {:error, "no variable #{inspect(name)} was given"}
    end
  end

  def value({:input, name, optional?}, _, settings) do
    case settings.inputs do
      %{^name => {:file, path}} -> file(name, path)
      %{^name => {:text, text}} -> {:ok, headed(name, text)}
      _ when optional? -> :nothing
      _ -> {:error, "the input #{inspect(name)} is missing: give it with --input #{name}=FILE"}
    end
  end

  @doc "A value as a text: JSON, unless it is a text anyway."
  @spec text(term()) :: String.t()
  def text(value) when is_binary(value), do: value
  def text(value), do: JSON.encode(value)

  defp taken(answer, []), do: {:ok, answer.text}
  defp taken(answer, path), do: Extract.fetch(answer.value, path)

  defp file(name, path) do
    with {:ok, text} <- read(path), do: {:ok, headed(name, text)}
  end

  @doc "The text of a file that is part of a prompt, or why there is none."
  @spec read(Path.t()) :: {:ok, String.t()} | {:error, String.t()}
  def read(path) do
    with {:ok, text} <- UserFile.read(path, @longest),
         true <- String.valid?(text) do
      {:ok, text}
    else
      {:error, reason} -> {:error, "#{path} #{reason}"}
      false -> {:error, "#{path} is not UTF-8"}
    end
  end

  defp headed(name, text), do: "<file name=#{inspect(name)}>\n#{text}\n</file>"
end
