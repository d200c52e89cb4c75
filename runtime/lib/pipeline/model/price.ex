defmodule Pipeline.Model.Price do
  @moduledoc """
  What a call of a model costs, in US dollars per million tokens: the list prices without caching or discounts, as of
  November 2026. Claude's are of the pages "Pricing" and "Models" in Anthropic's documentation; Gemini's are of price lists
  that others keep, and Google's own page ai.google.dev/gemini-api/docs/pricing goes before them.

  A model is looked up by the longest beginning of its name. Of one that is not in here the cost is not known.
  """

  # Input, output; and from how many tokens of input on other prices hold, where there are any.
  @prices %{
    "claude-fable-5" => {10, 50},
    "claude-mythos-5" => {10, 50},
    "claude-opus-5-5" => {4, 20},
    "claude-opus-5" => {5, 25},
    "claude-opus-4-8" => {5, 25},
    "claude-opus-4-7" => {5, 25},
    "claude-opus-4-6" => {5, 25},
    "claude-opus-4-5" => {5, 25},
    "claude-opus-4" => {15, 75},
    "claude-sonnet-5" => {2, 10},
    "claude-sonnet-4" => {3, 15},
    "claude-haiku-5-5" => {0.1, 0.5, 100_000, {0.5, 2.5}},
    "claude-haiku-4-5" => {1, 5},
    "gemini-2.5-pro" => {1.25, 10, 200_000, {2.5, 15}},
    "gemini-2.5-flash-lite" => {0.1, 0.4},
    "gemini-2.5-flash" => {0.3, 2.5}
  }

  @longest_first @prices |> Map.keys() |> Enum.sort_by(&byte_size/1, :desc)

  @spec cost(String.t(), non_neg_integer(), non_neg_integer()) :: float() | nil
  def cost(model, input, output) do
    # After a price's name comes a version, or nothing: claude-opus-45 is no claude-opus-4.
    name = Enum.find(@longest_first, &(model == &1 or String.starts_with?(model, &1 <> "-")))

    case @prices[name] do
      nil -> nil
      {_, _, limit, above} when input > limit -> sum(above, input, output)
      prices -> sum(prices, input, output)
    end
  end

  defp sum(prices, input, output), do: (elem(prices, 0) * input + elem(prices, 1) * output) / 1_000_000
end
