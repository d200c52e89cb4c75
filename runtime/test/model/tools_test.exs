defmodule Pipeline.Model.ToolsTest do
  use ExUnit.Case, async: true

  alias Pipeline.Files.Workspace
  alias Pipeline.Model.Schema.Check
  alias Pipeline.Model.Tools

  @moduletag :tmp_dir

  setup %{tmp_dir: folder} do
    {:ok, workspace} = Workspace.open(folder)
    %{workspace: workspace}
  end

  test "each tool is declared with a schema that can be checked" do
    for name <- Tools.names() do
      assert %{name: ^name, description: <<_, _::binary>>, schema: schema} = Tools.declaration(name)
      assert Check.problems(schema) == []
    end
  end

  test "each tool reads or changes the workspace", %{workspace: workspace} do
    assert {:ok, "there are no files"} = Tools.call(workspace, "List", %{"path" => "."})
    assert {:ok, _} = Tools.call(workspace, "Write", %{"path" => "a/b", "content" => "one"})
    edit = %{"path" => "a/b", "old_text" => "one", "new_text" => "two"}
    assert {:ok, _} = Tools.call(workspace, "Edit", edit)
    assert {:ok, "two"} = Tools.call(workspace, "Read", %{"path" => "a/b"})
    assert {:ok, "a/b"} = Tools.call(workspace, "List", %{"path" => "."})
    assert {:error, reason} = Tools.call(workspace, "Edit", edit)
    assert reason =~ "does not contain the old text"
  end

  test "every mistake in a call returns a text for the model", %{workspace: workspace} do
    for name <- ["Read", "Write", "Edit", "List", "Bash", "", "read"],
        input <- [
          nil,
          %{},
          [],
          "a",
          1,
          %{"path" => 1},
          %{"path" => nil, "x" => 1},
          %{"path" => "/etc/passwd"}
        ] do
      assert {:error, <<_, _::binary>>} = Tools.call(workspace, name, input)
    end
  end

  test "a file that would fill the model's context is not read", %{workspace: workspace} do
    :ok = Workspace.write(workspace, "large", String.duplicate("a", 400_001))
    assert {:error, reason} = Tools.call(workspace, "Read", %{"path" => "large"})
    assert reason =~ "400001 bytes"
  end
end
