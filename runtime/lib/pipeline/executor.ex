defmodule Pipeline.Executor do
  @moduledoc "Executes a pipeline's steps in order; each sees the variables and the replies of those before it."

  alias Pipeline.{Error, Prompt, Provider, Settings}

  @type result :: %{reply: String.t(), replies: %{String.t() => String.t()}}

  @doc """
  Execute with `vars`, by name. The result's `reply` is the last step's.

  The settings of the environment are used where none are given.
  """
  @spec execute_with_vars(Pipeline.t(), %{String.t() => String.t()}, Settings.t()) ::
          {:ok, result()} | {:error, Error.t()}
  def execute_with_vars(%Pipeline{} = pipeline, vars, settings \\ Settings.from_environment()) do
    with :ok <- check_inputs(pipeline, settings) do
      Enum.reduce_while(pipeline.steps, {:ok, %{reply: "", replies: %{}}}, fn step, {:ok, result} ->
        case execute(step, %{vars: vars, replies: result.replies}, settings) do
          {:ok, reply} ->
            {:cont, {:ok, %{reply: reply, replies: Map.put(result.replies, step.name, reply)}}}

          {:error, %Error{} = error} ->
            {:halt, {:error, error}}
        end
      end)
    end
  end

  defp execute(step, scope, settings) do
    with {:ok, texts} <- Prompt.render(step, scope, settings) do
      Provider.for_step(step.type).complete(step, texts, settings)
    end
  end

  defp check_inputs(pipeline, settings) do
    taken = Pipeline.inputs(pipeline)
    unknown = Map.keys(settings.inputs) -- Map.keys(taken)
    missing = for {name, true} <- taken, not Map.has_key?(settings.inputs, name), do: name

    case {unknown, missing} do
      {[], []} ->
        :ok

      {[name | _], _} ->
        takes = if taken == %{}, do: "none", else: Enum.join(Map.keys(taken), ", ")
        {:error, Error.new(:pipeline, "#{pipeline.file}: takes no input #{inspect(name)}; it takes #{takes}")}

      {[], [name | _]} ->
        {:error,
         Error.new(:pipeline, "#{pipeline.file}: needs the input #{inspect(name)}: --input #{name}=FILE")}
    end
  end
end
