defmodule Pipeline.Files.WorkspaceTest do
  use ExUnit.Case, async: true

  alias Pipeline.Error
  alias Pipeline.Files.Workspace

  @moduletag :tmp_dir

  setup %{tmp_dir: folder} do
    {:ok, workspace} = Workspace.open(Path.join(folder, "inside"))
    outside = Path.join(folder, "outside")
    File.mkdir!(outside)
    File.write!(Path.join(outside, "canary"), "the canary")
    %{workspace: workspace, root: workspace.root, outside: outside}
  end

  defp everything(folder), do: Path.wildcard(Path.join(folder, "**"), match_dot: true)

  defp canaries(outside) do
    for path <- [outside | everything(outside)], do: {path, unchanged(path), File.read(path)}
  end

  # Reading it is no change.
  defp unchanged(path), do: %{File.lstat!(path) | atime: nil}

  test "what was written is read, and listed by the path that reads it", %{workspace: workspace} do
    assert :ok = Workspace.write(workspace, "plans/deep/a ü.md", "eins\n")
    assert :ok = Workspace.write(workspace, "./b.md", "")
    assert Workspace.list(workspace, ".") == {:ok, ["b.md", "plans/deep/a ü.md"]}
    assert Workspace.list(workspace, "plans") == {:ok, ["plans/deep/a ü.md"]}
    assert Workspace.read(workspace, "plans/deep/a ü.md") == {:ok, "eins\n"}
    assert Workspace.read(workspace, "b.md") == {:ok, ""}
  end

  test "a write takes a file's place, keeps its mode and leaves nothing beside it", context do
    file = Path.join(context.root, "run.sh")
    File.write!(file, "old")
    File.chmod!(file, 0o750)
    assert :ok = Workspace.write(context.workspace, "run.sh", "new")
    assert File.read!(file) == "new"
    assert Bitwise.band(File.stat!(file).mode, 0o777) == 0o750
    assert File.ls!(context.root) == ["run.sh"]
  end

  test "an edit changes the one place, literally", %{workspace: workspace} do
    :ok = Workspace.write(workspace, "a", "one two three")
    assert :ok = Workspace.edit(workspace, "a", "two", "\\0 & ü")
    assert Workspace.read(workspace, "a") == {:ok, "one \\0 & ü three"}
  end

  for {name, old, said} <- [
        {"that matches nothing", "x", "does not stand in it"},
        {"that matches twice", "b", "stands in it 2 times"},
        {"of which the places overlap", "aa", "stands in it 2 times"},
        {"of nothing", "", "is empty"}
      ] do
    test "an edit #{name} says so and changes nothing", %{workspace: workspace, root: root} do
      :ok = Workspace.write(workspace, "a", "aaa b b")
      before = unchanged(Path.join(root, "a"))
      assert {:error, reason} = Workspace.edit(workspace, "a", unquote(old), "new")
      assert reason =~ unquote(said)
      assert reason =~ ~s("a")
      assert unchanged(Path.join(root, "a")) == before
    end
  end

  test "edits and writes at the same time do not undo each other", %{workspace: workspace} do
    :ok = Workspace.write(workspace, "a", Enum.map_join(1..20, &"<#{&1}>"))
    edit = fn n -> Workspace.edit(workspace, "a", "<#{n}>", "[#{n}]") end
    assert 1..20 |> Task.async_stream(edit, max_concurrency: 20) |> Enum.all?(&(&1 == {:ok, :ok}))
    assert Workspace.read(workspace, "a") == {:ok, Enum.map_join(1..20, &"[#{&1}]")}
  end

  test "no link is followed, wherever it stands", %{workspace: workspace, root: root, outside: outside} do
    File.mkdir!(Path.join(root, "folder"))
    File.ln_s!(outside, Path.join(root, "folder/out"))
    File.ln_s!(Path.join(outside, "canary"), Path.join(root, "link"))
    File.ln_s!("folder", Path.join(root, "within"))
    File.ln_s!(Path.join(outside, "new"), Path.join(root, "dangling"))
    before = canaries(outside)

    for path <- ["folder/out/canary", "folder/out/new", "link", "within/x", "dangling"] do
      assert {:error, reason} = Workspace.read(workspace, path)
      assert reason =~ "is a symbolic link"
      assert {:error, _} = Workspace.write(workspace, path, "x")
      assert {:error, _} = Workspace.edit(workspace, path, "canary", "x")
      assert {:error, _} = Workspace.list(workspace, path)
    end

    assert Workspace.list(workspace, ".") == {:ok, []}
    assert canaries(outside) == before
  end

  test "a file with a second name is left alone", %{workspace: workspace, root: root, outside: outside} do
    File.ln!(Path.join(outside, "canary"), Path.join(root, "hard"))
    before = canaries(outside)
    assert {:error, reason} = Workspace.read(workspace, "hard")
    assert reason =~ "hard link"
    assert {:error, _} = Workspace.edit(workspace, "hard", "the", "no")
    assert {:error, _} = Workspace.write(workspace, "hard", "x")
    assert Workspace.list(workspace, ".") == {:ok, []}
    assert canaries(outside) == before
  end

  test "a pipe is never opened", %{workspace: workspace, root: root} do
    {_, 0} = System.cmd("mkfifo", [Path.join(root, "pipe")])
    assert {:error, reason} = Workspace.read(workspace, "pipe")
    assert reason =~ "a pipe"
    assert {:error, _} = Workspace.write(workspace, "pipe", "x")
    assert Workspace.list(workspace, ".") == {:ok, []}
  end

  test "texts that name no file of the workspace are told why", %{workspace: workspace} do
    for {path, said} <- [
          {"", "is empty"},
          {"/etc/passwd", "is absolute"},
          {"a/../b", ".."},
          {"a/./b", "name ."},
          {"a//b", "empty name"},
          {"a/", "ends with a slash"},
          {"a\\b", "backslash"},
          {"a\0b", "control character"},
          {"a\u202Eb", "invisible"},
          {<<0xFF>>, "not UTF-8"},
          {"c:/x", "colon"},
          {"x/NUL.txt", "device"},
          {"x./y", "ends with a dot"},
          {".Pipeline-TMP-1", "reserved"},
          {String.duplicate("a", 256), "255 bytes"},
          {String.duplicate("a/", 600) <> "a", "1024 bytes"},
          {String.duplicate("a/", 40) <> "a", "32 folders"},
          {:a, "no text"},
          {nil, "no text"}
        ] do
      assert {:error, reason} = Workspace.write(workspace, path, "x")
      assert reason =~ said
      assert {:error, ^reason} = Workspace.read(workspace, path)
      assert {:error, ^reason} = Workspace.list(workspace, path)
    end

    assert Workspace.list(workspace, ".") == {:ok, []}
  end

  test "what is too large, or no UTF-8, is neither read nor written", %{workspace: workspace, root: root} do
    large = String.duplicate("a", 2_000_001)
    File.write!(Path.join(root, "large"), large)
    File.write!(Path.join(root, "latin"), <<0xE4>>)
    assert {:error, reason} = Workspace.read(workspace, "large")
    assert reason =~ "more than 2000000 bytes"
    assert {:error, reason} = Workspace.read(workspace, "latin")
    assert reason =~ "is not UTF-8"
    assert {:error, _} = Workspace.write(workspace, "new", large)
    assert {:error, _} = Workspace.write(workspace, "new", <<0xE4>>)
    :ok = Workspace.write(workspace, "full", binary_part(large, 0, 2_000_000))
    assert {:error, _} = Workspace.edit(workspace, "large", "a", "b")
    refute File.exists?(Path.join(root, "new"))
  end

  test "a folder of more entries than anybody reads is not listed in part", context do
    folder = Path.join(context.root, "many")
    File.mkdir!(folder)
    for n <- 1..2_000, do: :ok = :file.write_file(Path.join(folder, "#{n}"), "", [:raw])
    assert {:ok, files} = Workspace.list(context.workspace, "many")
    assert length(files) == 2_000
    File.write!(Path.join(folder, "more"), "")
    assert {:error, reason} = Workspace.list(context.workspace, "many")
    assert reason =~ "more than 2000 entries"
  end

  test "a folder is neither read nor written, a file is no folder", %{workspace: workspace} do
    :ok = Workspace.write(workspace, "folder/file", "x")
    assert {:error, _} = Workspace.read(workspace, "folder")
    assert {:error, _} = Workspace.write(workspace, "folder", "x")
    assert {:error, reason} = Workspace.read(workspace, "folder/file/x")
    assert reason =~ "is a file, not a folder"
    assert {:error, reason} = Workspace.read(workspace, "absent/file")
    assert reason =~ "there is no such file"
    assert {:error, _} = Workspace.list(workspace, "absent")
  end

  test "a folder that cannot be made is an error", %{outside: outside} do
    assert {:error, %Error{kind: :write}} = Workspace.open(Path.join(outside, "canary/x"))
  end

  test "a run adds no more than it may: files, and bytes beyond those that were there", context do
    %{workspace: workspace, root: root} = context
    File.write!(Path.join(root, "large"), String.duplicate("x", 1_000_000))
    :counters.put(workspace.quota, 1, 999)
    :counters.put(workspace.quota, 2, 99_000_000)
    assert :ok = Workspace.write(workspace, "one", "x")
    assert {:error, reason} = Workspace.write(workspace, "two", "x")
    assert reason =~ ~s("two": would be one of more than 1000 files)
    assert {:error, reason} = Workspace.write(workspace, "large", String.duplicate("x", 2_000_000))
    assert reason =~ "would make more than 100000000 bytes"
    assert :ok = Workspace.write(workspace, "large", String.duplicate("x", 1_999_999))
    assert :ok = Workspace.write(workspace, "large", "small")
    assert Workspace.list(workspace, ".") == {:ok, ["large", "one"]}
  end
end
