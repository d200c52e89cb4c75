defmodule Pipeline.Files.UserFileTest do
  use ExUnit.Case, async: true

  doctest Pipeline.Files.UserFile
end
