defmodule Pipeline.Files.Workspace.NameTest do
  use ExUnit.Case, async: true

  doctest Pipeline.Files.Workspace.Name
end
