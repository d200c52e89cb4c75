defmodule Pipeline.Value.NearestWordTest do
  use ExUnit.Case, async: true

  doctest Pipeline.Value.NearestWord
end
