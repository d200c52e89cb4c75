defmodule Pipeline.Value.ExtractTest do
  use ExUnit.Case, async: true

  doctest Pipeline.Value.Extract
end
