defmodule Pipeline do
  @moduledoc """
  A pipeline as it was loaded from its file: named steps, in order. `Pipeline.Loader` makes it, `Pipeline.Executor`
  executes it.
  """

  alias Pipeline.Ask

  defmodule Step do
    @moduledoc """
    One step: what it does (`action`), whether it is done (`condition`), and what becomes of its answer.

    `at` is its place in the file, for messages: `steps[2]`, or `steps[2].parallel[0]`.
    """

    @enforce_keys [:name, :at, :action]
    defstruct [:name, :at, :action, :condition, :output_to_file, :timeout]

    @type action ::
            Pipeline.Ask.t()
            | {:parallel, [t()], limit :: pos_integer()}
            | {:file_ops, operation :: atom(), map()}
            | {:set_variable, %{String.t() => term()}}

    @type t :: %__MODULE__{
            name: String.t(),
            at: String.t(),
            action: action(),
            condition: term() | nil,
            output_to_file: Path.t() | nil,
            timeout: pos_integer() | nil
          }
  end

  @enforce_keys [:name, :steps, :file]
  defstruct [:name, :steps, :file, warnings: []]

  @type t :: %__MODULE__{name: String.t(), steps: [Step.t()], file: Path.t(), warnings: [String.t()]}

  @doc "The inputs that some step takes, as `{name, required?}`."
  @spec inputs(t()) :: %{String.t() => boolean()}
  def inputs(%__MODULE__{steps: steps}) do
    for %Ask{prompt: prompt} <- Enum.flat_map(steps, &actions/1),
        {:input, name, optional?} <- prompt,
        reduce: %{} do
      inputs -> Map.update(inputs, name, not optional?, &(&1 or not optional?))
    end
  end

  defp actions(%Step{action: {:parallel, steps, _}}), do: Enum.flat_map(steps, &actions/1)
  defp actions(%Step{action: action}), do: [action]
end
