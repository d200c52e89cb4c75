defmodule Pipeline.Loader.NoteTest do
  use ExUnit.Case, async: true

  doctest Pipeline.Loader.Note
end
