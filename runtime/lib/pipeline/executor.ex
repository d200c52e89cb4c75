defmodule Pipeline.Executor do
  @moduledoc "Executes a pipeline's steps in order; each sees the variables and the replies of those before it."

  alias Pipeline.{Answer, Error, Model, Prompt, Settings, Usage, Workspace}

  defmodule Result do
    @moduledoc """
    What an execution came to: the last step's answer as text, every step's answer by name, how each went, and what it
    used in all.
    """

    @enforce_keys [:reply]
    defstruct [:reply, answers: %{}, steps: [], usage: %Usage{}]

    @type t :: %__MODULE__{
            reply: String.t(),
            answers: %{String.t() => Answer.t()},
            steps: [%{name: String.t(), status: :done | :skipped, seconds: float(), usage: Usage.t()}],
            usage: Usage.t()
          }
  end

  @doc """
  Execute with `vars`, by name. The settings of the environment are used where none are given.
  """
  @spec execute_with_vars(Pipeline.t(), %{String.t() => term()}, Settings.t(), Workspace.t() | nil) ::
          {:ok, Result.t()} | {:error, Error.t()}
  def execute_with_vars(
        %Pipeline{} = pipeline,
        vars,
        settings \\ Settings.from_environment(),
        workspace \\ nil
      ) do
    with :ok <- check_inputs(pipeline, settings) do
      Enum.reduce_while(pipeline.steps, {:ok, %Result{reply: ""}}, fn step, {:ok, result} ->
        case execute(step, %{vars: vars, answers: result.answers}, settings, workspace) do
          {:ok, answer} ->
            {:cont,
             {:ok, %{result | reply: answer.text, answers: Map.put(result.answers, step.name, answer)}}}

          {:error, %Error{} = error} ->
            {:halt, {:error, error}}
        end
      end)
    end
  end

  defp execute(step, scope, settings, workspace) do
    with {:ok, texts} <- Prompt.render(step, scope, settings) do
      Model.answer(step.action, texts, settings, workspace)
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
