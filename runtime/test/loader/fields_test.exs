defmodule Pipeline.Loader.FieldsTest do
  use ExUnit.Case, async: true

  doctest Pipeline.Loader.Fields
end
