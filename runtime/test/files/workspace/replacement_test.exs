defmodule Pipeline.Files.Workspace.ReplacementTest do
  use ExUnit.Case, async: true

  doctest Pipeline.Files.Workspace.Replacement
end
