defmodule Pipeline.Generate do
  @moduledoc "A prompt goes in, the file that a pipeline wrote from it comes out."

  alias Pipeline.{Error, Executor, Loader, Output, Settings}

  @genesis Path.expand("../../priv/pipelines/genesis.yaml", __DIR__)

  @doc "The pipeline that is executed where none is named."
  @spec genesis() :: Path.t()
  def genesis, do: @genesis

  @doc """
  Execute `pipeline_file` with the prompt as its variable `user_prompt`, and write the plan to `output`, which must not
  exist yet.
  """
  @spec generate(String.t(), Path.t(), Path.t(), Settings.t()) :: {:ok, Path.t()} | {:error, Error.t()}
  def generate(prompt, pipeline_file, output, settings) do
    with :ok <- free(output),
         {:ok, pipeline} <- Loader.load(pipeline_file),
         {:ok, plan, _} <- plan(pipeline, prompt, settings),
         :ok <- Output.write_new(output, plan) do
      {:ok, output}
    end
  end

  @doc """
  Execute the pipeline with the prompt as its variable `user_prompt`. The plan is the last reply: a markdown fence around
  the whole of it is taken off, nothing else of it is changed, and whether it is YAML is not for this side to judge.
  """
  @spec plan(Pipeline.t(), String.t(), Settings.t()) ::
          {:ok, String.t(), Executor.Result.t()} | {:error, Error.t()}
  def plan(pipeline, prompt, settings) do
    with {:ok, result} <- Executor.execute_with_vars(pipeline, %{"user_prompt" => prompt}, settings) do
      {:ok, unfenced(result.reply), result}
    end
  end

  @doc "A new file's path under `generated/` in this folder."
  @spec fresh_path(Path.t()) :: Path.t()
  def fresh_path(folder) do
    stamp = Calendar.strftime(DateTime.utc_now(), "%Y%m%d-%H%M%S")
    unique = 4 |> :crypto.strong_rand_bytes() |> Base.encode16(case: :lower)
    Path.join([folder, "generated", "#{stamp}-#{unique}.yaml"])
  end

  # Said before a model is paid, and again when the file is written.
  defp free(output) do
    if File.exists?(output),
      do: {:error, Error.new(:usage, "#{output} exists already: name a new file with --output")},
      else: :ok
  end

  defp unfenced(reply) do
    case Regex.run(~r/\A\s*```(?:ya?ml)?[ \t]*\r?\n(.*?)\r?\n```\s*\z/s, reply) do
      [_, inside] -> if inside =~ ~r/^```/m, do: reply, else: inside <> "\n"
      nil -> reply
    end
  end
end
