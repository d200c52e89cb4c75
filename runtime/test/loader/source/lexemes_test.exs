defmodule Pipeline.Loader.Source.LexemesTest do
  use ExUnit.Case, async: true

  doctest Pipeline.Loader.Source.Lexemes
end
