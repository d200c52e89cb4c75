defmodule Pipeline.Executor.Prompt do
  @moduledoc """
  Renders the parts of a step's prompt to texts. Each text is sent to the model as a separate part of one message.

      parts = [{:static, "Improve this plan:"}, {:previous_response, "write_plan", []}]
      {:ok, ["Improve this plan:", plan]} = Pipeline.Executor.Prompt.render(step, parts, scope, settings)

  Values are inserted literally: a `{{…}}` in the text of a user or a model is not replaced. A value that is not a text is
  written as JSON.
  """

  alias Pipeline.{Error, Settings, Step}
  alias Pipeline.Files.UserFile
  alias Pipeline.Model.{Answer, Ask}
  alias Pipeline.Value.{Extract, JSON}

  # The same limit as for the body of a request to `Pipeline.Serve`.
  @max_file_bytes 64_000_000

  @typedoc "The values that a part can take: variables by name, and the answers of earlier steps by name."
  @type scope :: %{vars: %{String.t() => term()}, answers: %{String.t() => Answer.t()}}

  @doc "Return the texts of the parts, in order. A missing part that is optional is left out."
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

  @doc "Return the value of a part, or `:nothing` if the part is optional and there is no value."
  @spec value(Ask.part() | {:value, term()}, scope(), Settings.t()) ::
          {:ok, term()} | :nothing | {:error, String.t()}
  def value({:value, value}, _, _), do: {:ok, value}
  def value({:static, content}, _, _), do: {:ok, content}
  def value({:file, path}, _, _), do: file(Path.basename(path), path)

  def value({:optional, {:previous_response, step, _} = part}, scope, settings),
    do: if(is_map_key(scope.answers, step), do: value(part, scope, settings), else: :nothing)

  def value({:previous_response, step, path}, scope, _) do
    with %{^step => answer} <- scope.answers,
         {:ok, value} <- extract(answer, path) do
      {:ok, value}
    else
      {:error, reason} ->
        {:error, "cannot take a value from the answer of #{inspect(step)}: #{reason}"}

      _ ->
        {:error,
         "the step #{inspect(step)} was skipped and has no answer: set optional: true to leave this part out"}
    end
  end

  def value({:variable, name}, scope, _) do
    case scope.vars do
      %{^name => value} -> {:ok, value}
      _ -> {:error, "the variable #{inspect(name)} is not set"}
    end
  end

  def value({:input, name, optional?}, _, settings) do
    case settings.inputs do
      %{^name => {:file, path}} -> file(name, path)
      %{^name => {:text, text}} -> {:ok, with_name(name, text)}
      _ when optional? -> :nothing
      _ -> {:error, "the input #{inspect(name)} is missing: give it with --input #{name}=FILE"}
    end
  end

  @doc "Return a text as it is, and any other value as JSON."
  @spec text(term()) :: String.t()
  def text(value) when is_binary(value), do: value
  def text(value), do: JSON.encode(value)

  defp extract(answer, []), do: {:ok, answer.text}
  defp extract(answer, path), do: Extract.fetch(answer.value, path)

  defp file(name, path) do
    with {:ok, text} <- read(path), do: {:ok, with_name(name, text)}
  end

  @doc "Return the text of a file that is part of a prompt, or the reason why the file cannot be read."
  @spec read(Path.t()) :: {:ok, String.t()} | {:error, String.t()}
  def read(path) do
    with {:ok, text} <- UserFile.read(path, @max_file_bytes),
         true <- String.valid?(text) do
      {:ok, text}
    else
      {:error, reason} -> {:error, "#{path} #{reason}"}
      false -> {:error, "#{path} is not UTF-8"}
    end
  end

  defp with_name(name, text), do: "<file name=#{inspect(name)}>\n#{text}\n</file>"
end
