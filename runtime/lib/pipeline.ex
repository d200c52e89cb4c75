defmodule Pipeline do
  @moduledoc """
  A pipeline as it was loaded from its file: named steps, in order. `Pipeline.Loader` makes it, `Pipeline.Executor`
  executes it.
  """

  defmodule Step do
    @moduledoc "One call of a model: which provider, with which settings, and the parts of its prompt."

    @enforce_keys [:name, :type, :prompt]
    defstruct [:name, :type, :prompt, :model, :temperature, :system_prompt, max_tokens: 32_768]

    @type part ::
            {:static, String.t()}
            | {:variable, String.t()}
            | {:input, name :: String.t(), optional? :: boolean()}
            | {:file, Path.t()}
            | {:previous_response, step :: String.t()}

    @type t :: %__MODULE__{
            name: String.t(),
            type: String.t(),
            prompt: [part()],
            model: String.t(),
            temperature: float() | nil,
            system_prompt: String.t() | nil,
            max_tokens: pos_integer()
          }
  end

  @enforce_keys [:name, :steps, :file]
  defstruct [:name, :steps, :file]

  @type t :: %__MODULE__{name: String.t(), steps: [Step.t()], file: Path.t()}

  @doc "The inputs that some step takes, as `{name, required?}`."
  @spec inputs(t()) :: %{String.t() => boolean()}
  def inputs(%__MODULE__{steps: steps}) do
    for %Step{prompt: prompt} <- steps, {:input, name, optional?} <- prompt, reduce: %{} do
      inputs -> Map.update(inputs, name, not optional?, &(&1 or not optional?))
    end
  end
end
