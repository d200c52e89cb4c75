defmodule Pipeline.Model.PriceTest do
  use ExUnit.Case, async: true

  alias Pipeline.Model.Price

  test "prices hold for a model's versions, and from a size on for larger prompts" do
    assert Price.cost("claude-opus-4-5-20251101", 1_000_000, 0) == 5.0
    assert Price.cost("claude-opus-4-20250514", 1_000_000, 0) == 15.0
    assert Price.cost("gemini-2.5-flash-lite", 1_000_000, 0) == 0.1
    assert Price.cost("gemini-2.5-pro", 100_000, 0) == 0.125
    assert Price.cost("gemini-2.5-pro", 1_000_000, 0) == 2.5
    assert Price.cost("gemini-2.5-prow", 1, 1) == nil
  end
end
