defmodule Pipeline.Model.Usage do
  @moduledoc """
  What calls of models used: how many, tokens in and out, and US dollars, nil where a model's price is not known.
  """

  defstruct calls: 0, input_tokens: 0, output_tokens: 0, cost: 0.0

  @type t :: %__MODULE__{
          calls: non_neg_integer(),
          input_tokens: non_neg_integer(),
          output_tokens: non_neg_integer(),
          cost: float() | nil
        }

  @spec add(t(), t()) :: t()
  def add(%__MODULE__{} = one, %__MODULE__{} = other) do
    %__MODULE__{
      calls: one.calls + other.calls,
      input_tokens: one.input_tokens + other.input_tokens,
      output_tokens: one.output_tokens + other.output_tokens,
      cost: one.cost && other.cost && one.cost + other.cost
    }
  end

  @doc "The sum of a reply's counts; one that is not there counts nothing."
  @spec sum(map(), [String.t()]) :: non_neg_integer()
  def sum(counts, names) do
    for name <- names, count = counts[name], is_integer(count), reduce: 0 do
      sum -> sum + count
    end
  end
end
