defmodule Pipeline.Model.Usage do
  @moduledoc """
  Counts the calls of models and their tokens, in total and by model. It has no prices.

  The kinds of tokens do not overlap, so that their sum is everything that was counted:

    * `input_tokens` - input that the provider read afresh
    * `cached_input_tokens` - input that the provider read from its cache
    * `cache_write_tokens` - input that the provider wrote to its cache
    * `output_tokens` - output without thoughts
    * `thought_tokens` - thoughts, which providers charge as output

  Each entry of `models` has the model that was asked (`asked`) and the one that answered (`model`).
  """

  alias Pipeline.Model.{Ask, Catalogue}

  @kinds [:input_tokens, :cached_input_tokens, :cache_write_tokens, :output_tokens, :thought_tokens]

  defstruct calls: 0,
            input_tokens: 0,
            cached_input_tokens: 0,
            cache_write_tokens: 0,
            output_tokens: 0,
            thought_tokens: 0,
            models: []

  @type tokens :: %{optional(atom()) => non_neg_integer()}
  @type model :: %{
          provider: atom(),
          asked: String.t(),
          model: String.t(),
          calls: non_neg_integer(),
          input_tokens: non_neg_integer(),
          cached_input_tokens: non_neg_integer(),
          cache_write_tokens: non_neg_integer(),
          output_tokens: non_neg_integer(),
          thought_tokens: non_neg_integer()
        }
  @type t :: %__MODULE__{
          calls: non_neg_integer(),
          input_tokens: non_neg_integer(),
          cached_input_tokens: non_neg_integer(),
          cache_write_tokens: non_neg_integer(),
          output_tokens: non_neg_integer(),
          thought_tokens: non_neg_integer(),
          models: [model()]
        }

  @doc "Return the names of the kinds of tokens."
  @spec kinds() :: [atom()]
  def kinds, do: @kinds

  @doc "Return the usage of one call. `answered` is the model that the reply names, or nil if it names none."
  @spec of_call(Ask.t(), String.t() | nil, tokens()) :: t()
  def of_call(%Ask{} = ask, answered, tokens),
    do: of_model(ask.provider, ask.model, answered || ask.model, tokens, 1)

  @doc "Return the usage of this number of calls of one model."
  @spec of_model(atom(), String.t(), String.t(), tokens(), non_neg_integer()) :: t()
  def of_model(provider, asked, answered, tokens, calls) do
    counts = Map.new(@kinds, &{&1, Map.get(tokens, &1, 0)})
    model = Map.merge(%{provider: provider, asked: asked, model: answered, calls: calls}, counts)
    struct!(%__MODULE__{calls: calls, models: [model]}, counts)
  end

  @doc "Return the sum of two usages. Calls of the same model become one entry."
  @spec add(t(), t()) :: t()
  def add(%__MODULE__{} = first, %__MODULE__{} = second) do
    %{sum(first, second) | models: Enum.reduce(second.models, first.models, &add_model/2)}
  end

  defp add_model(entry, entries) do
    case Enum.find_index(entries, &(names(&1) == names(entry))) do
      nil -> entries ++ [entry]
      index -> List.update_at(entries, index, &sum(&1, entry))
    end
  end

  defp names(entry), do: Map.take(entry, [:provider, :asked, :model])

  defp sum(first, second) do
    Enum.reduce([:calls | @kinds], first, fn key, sum ->
      Map.update!(sum, key, &(&1 + Map.fetch!(second, key)))
    end)
  end

  @doc "Return `{asked, answered}` for each model that another model answered for."
  @spec substitutions(t()) :: [{String.t(), String.t()}]
  def substitutions(%__MODULE__{models: models}),
    do: for(%{asked: asked, model: model} <- models, not Catalogue.same?(asked, model), do: {asked, model})

  @doc "Return the number of this name in a provider's counts, or 0 if it is missing or no positive integer."
  @spec count(map(), String.t()) :: non_neg_integer()
  def count(counts, name) do
    case counts[name] do
      count when is_integer(count) and count > 0 -> count
      _ -> 0
    end
  end
end
