defmodule Pipeline.Prompt do
  @moduledoc """
  Renders the parts of a step's prompt to texts, each sent as a part of its own.

  Values are put in literally: a `{{…}}` in a user's or a model's text means nothing here.
  """

  alias Pipeline.{Answer, Ask, Error, Settings, Step}

  @type scope :: %{vars: %{String.t() => term()}, answers: %{String.t() => Answer.t()}}

  @spec render(Step.t(), scope(), Settings.t()) :: {:ok, [String.t()]} | {:error, Error.t()}
  def render(%Step{action: %Ask{prompt: parts}} = step, scope, settings) do
    parts
    |> Enum.reduce_while([], fn part, texts ->
      case text(part, scope, settings) do
        {:ok, text} -> {:cont, [text | texts]}
        :nothing -> {:cont, texts}
        {:error, message} -> {:halt, {:error, Error.new(:pipeline, "step #{step.name}: #{message}")}}
      end
    end)
    |> case do
      {:error, error} -> {:error, error}
      texts -> {:ok, Enum.reverse(texts)}
    end
  end

  defp text({:static, content}, _, _), do: {:ok, content}
  defp text({:previous_response, step, []}, scope, _), do: {:ok, Map.fetch!(scope.answers, step).text}
  defp text({:file, path}, _, _), do: file(Path.basename(path), path)

  defp text({:variable, name}, scope, _) do
    case scope.vars do
      %{^name => value} -> {:ok, value}
      _ -> {:error, "no variable #{inspect(name)} was given"}
    end
  end

  defp text({:input, name, optional?}, _, settings) do
    case settings.inputs do
      %{^name => {:file, path}} -> file(name, path)
      %{^name => {:text, text}} -> {:ok, headed(name, text)}
      _ when optional? -> :nothing
      _ -> {:error, "the input #{inspect(name)} is missing: give it with --input #{name}=FILE"}
    end
  end

  defp file(name, path) do
    with {:ok, text} <- File.read(path),
         true <- String.valid?(text) do
      {:ok, headed(name, text)}
    else
      {:error, reason} -> {:error, "#{path} cannot be read: #{:file.format_error(reason)}"}
      false -> {:error, "#{path} is not UTF-8"}
    end
  end

  defp headed(name, text), do: "<file name=#{inspect(name)}>\n#{text}\n</file>"
end
