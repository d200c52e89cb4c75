defmodule Pipeline.Value.NumberTest do
  use ExUnit.Case, async: true

  doctest Pipeline.Value.Number
end
