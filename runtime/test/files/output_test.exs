defmodule Pipeline.Files.OutputTest do
  use ExUnit.Case, async: true

  alias Pipeline.Error
  alias Pipeline.Files.Output

  @moduletag :tmp_dir

  for {name, link} <- [
        {"a file system with hard links", quote(do: &File.ln/2)},
        {"a file system without hard links", quote(do: fn _, _ -> {:error, :eperm} end)},
        {"a mount that does not know hard links", quote(do: fn _, _ -> {:error, :enotsup} end)}
      ] do
    test "on #{name}, a new file appears whole and never replaces another", %{tmp_dir: folder} do
      link = unquote(link)
      path = Path.join(folder, "new/plan.yaml")
      assert :ok = Output.check_writable(path, "--output")
      assert :ok = Output.write_new(path, "a: 1\n", link)
      assert File.read!(path) == "a: 1\n"

      assert {:error, %Error{kind: :usage, message: message}} = Output.write_new(path, "b: 2\n", link)
      assert message =~ "exists already"
      assert File.read!(path) == "a: 1\n"
      assert File.ls!(Path.dirname(path)) == ["plan.yaml"]
    end

    test "on #{name}, a name that no file can have is named in the error", %{tmp_dir: folder} do
      path = Path.join(folder, String.duplicate("x", 256))
      assert {:error, %Error{kind: :write}} = Output.write_new(path, "a: 1\n", unquote(link))
      assert File.ls!(folder) == []
    end
  end
end
