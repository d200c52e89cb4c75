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

  defp all_paths(folder), do: Path.wildcard(Path.join(folder, "**"), match_dot: true)

  defp snapshot(folder) do
    for path <- [folder | all_paths(folder)], do: {path, file_state(path), File.read(path)}
  end

  # Without the time of the last read, because a read is not a change.
  defp file_state(path), do: %{File.lstat!(path) | atime: nil}

  test "a file that was written can be read, and is listed under the same path", %{workspace: workspace} do
    assert :ok = Workspace.write(workspace, "plans/deep/a ü.md", "eins\n")
    assert :ok = Workspace.write(workspace, "./b.md", "")
    assert Workspace.list(workspace, ".") == {:ok, ["b.md", "plans/deep/a ü.md"]}
    assert Workspace.list(workspace, "plans") == {:ok, ["plans/deep/a ü.md"]}
    assert Workspace.read(workspace, "plans/deep/a ü.md") == {:ok, "eins\n"}
    assert Workspace.read(workspace, "b.md") == {:ok, ""}
  end

  test "a write replaces a file, keeps its mode and leaves no other file", context do
    file = Path.join(context.root, "run.sh")
    File.write!(file, "old")
    File.chmod!(file, 0o750)
    assert :ok = Workspace.write(context.workspace, "run.sh", "new")
    assert File.read!(file) == "new"
    assert Bitwise.band(File.stat!(file).mode, 0o777) == 0o750
    assert File.ls!(context.root) == ["run.sh"]
  end

  test "an edit replaces the one match, literally", %{workspace: workspace} do
    :ok = Workspace.write(workspace, "a", "one two three")
    assert :ok = Workspace.edit(workspace, "a", "two", "\\0 & ü")
    assert Workspace.read(workspace, "a") == {:ok, "one \\0 & ü three"}
  end

  for {name, old, message} <- [
        {"that matches nothing", "x", "the file does not contain the old text"},
        {"that matches twice", "b", "the file contains the old text 2 times"},
        {"whose matches overlap", "aa", "the file contains the old text 2 times"},
        {"of an empty text", "", "is empty"}
      ] do
    test "an edit #{name} is an error and changes nothing", %{workspace: workspace, root: root} do
      :ok = Workspace.write(workspace, "a", "aaa b b")
      before = file_state(Path.join(root, "a"))
      assert {:error, reason} = Workspace.edit(workspace, "a", unquote(old), "new")
      assert reason =~ unquote(message)
      assert reason =~ ~s("a")
      assert file_state(Path.join(root, "a")) == before
    end
  end

  test "edits at the same time do not undo each other", %{workspace: workspace} do
    :ok = Workspace.write(workspace, "a", Enum.map_join(1..20, &"<#{&1}>"))
    edit = fn n -> Workspace.edit(workspace, "a", "<#{n}>", "[#{n}]") end

    assert 1..20
           |> Task.async_stream(edit, max_concurrency: 20, timeout: :infinity)
           |> Enum.all?(&(&1 == {:ok, :ok}))

    assert Workspace.read(workspace, "a") == {:ok, Enum.map_join(1..20, &"[#{&1}]")}
  end

  test "no symbolic link on the way or at the end is followed", %{
    workspace: workspace,
    root: root,
    outside: outside
  } do
    File.mkdir!(Path.join(root, "folder"))
    File.ln_s!(outside, Path.join(root, "folder/out"))
    File.ln_s!(Path.join(outside, "canary"), Path.join(root, "link"))
    File.ln_s!("folder", Path.join(root, "within"))
    File.ln_s!(Path.join(outside, "new"), Path.join(root, "dangling"))
    before = snapshot(outside)

    for path <- ["folder/out/canary", "folder/out/new", "link", "within/x", "dangling"] do
      assert {:error, reason} = Workspace.read(workspace, path)
      assert reason =~ "is a symbolic link"
      assert {:error, _} = Workspace.write(workspace, path, "x")
      assert {:error, _} = Workspace.edit(workspace, path, "canary", "x")
      assert {:error, _} = Workspace.list(workspace, path)
    end

    assert Workspace.list(workspace, ".") == {:ok, []}
    assert snapshot(outside) == before
  end

  # A busy machine takes several times as long.
  @tag timeout: 300_000
  test "reading and listing return nothing from outside while a folder is replaced by a link again and again",
       %{
         workspace: workspace,
         root: root,
         outside: outside
       } do
    for folder <- [Path.join(root, "folder/sub"), Path.join(outside, "sub")], do: File.mkdir_p!(folder)
    File.write!(Path.join(root, "folder/sub/mine"), "mine")
    for name <- ["theirs", "mine"], do: File.write!(Path.join(outside, "sub/#{name}"), "theirs")
    [folder, spare] = for name <- ["folder", "spare"], do: Path.join(root, name)

    swapping =
      spawn_link(fn ->
        Stream.repeatedly(fn ->
          File.rename!(folder, spare)
          File.ln_s!(outside, folder)
          File.rm!(folder)
          File.rename!(spare, folder)
        end)
        |> Stream.run()
      end)

    for _ <- 1..300 do
      for path <- [".", "folder", "folder/sub"] do
        with {:ok, files} <- Workspace.list(workspace, path),
             do: refute(Enum.any?(files, &String.ends_with?(&1, "theirs")))
      end

      with {:ok, text} <- Workspace.read(workspace, "folder/sub/mine"), do: assert(text == "mine")
    end

    Process.unlink(swapping)
    Process.exit(swapping, :kill)
  end

  test "a file with a hard link is refused", %{workspace: workspace, root: root, outside: outside} do
    File.ln!(Path.join(outside, "canary"), Path.join(root, "hard"))
    before = snapshot(outside)
    assert {:error, reason} = Workspace.read(workspace, "hard")
    assert reason =~ "hard link"
    assert {:error, _} = Workspace.edit(workspace, "hard", "the", "no")
    assert {:error, _} = Workspace.write(workspace, "hard", "x")
    assert Workspace.list(workspace, ".") == {:ok, []}
    assert snapshot(outside) == before
  end

  test "a pipe is never opened", %{workspace: workspace, root: root} do
    {_, 0} = System.cmd("mkfifo", [Path.join(root, "pipe")])
    assert {:error, reason} = Workspace.read(workspace, "pipe")
    assert reason =~ "a pipe"
    assert {:error, _} = Workspace.write(workspace, "pipe", "x")
    assert Workspace.list(workspace, ".") == {:ok, []}
  end

  test "a path that may not be used in a workspace is refused with the reason", %{workspace: workspace} do
    for {path, message} <- [
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
          {String.duplicate("a/", 40) <> "a", "32 names"},
          {:a, "not a text"},
          {nil, "not a text"}
        ] do
      assert {:error, reason} = Workspace.write(workspace, path, "x")
      assert reason =~ message
      assert {:error, ^reason} = Workspace.read(workspace, path)
      assert {:error, ^reason} = Workspace.list(workspace, path)
    end

    assert Workspace.list(workspace, ".") == {:ok, []}
  end

  test "a text that is too large or not UTF-8 is neither read nor written", %{
    workspace: workspace,
    root: root
  } do
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

  # A busy disk takes long to make the files.
  @tag timeout: 300_000
  test "a folder with more than 2000 entries is an error, not a partial list", context do
    folder = Path.join(context.root, "many")
    File.mkdir!(folder)
    for n <- 1..2_000, do: :ok = :file.write_file(Path.join(folder, "#{n}"), "", [:raw])
    assert {:ok, files} = Workspace.list(context.workspace, "many")
    assert length(files) == 2_000
    File.write!(Path.join(folder, "more"), "")
    assert {:error, reason} = Workspace.list(context.workspace, "many")
    assert reason =~ "more than 2000 entries"
  end

  test "a folder is neither read nor written, and a file is not used as a folder", %{workspace: workspace} do
    :ok = Workspace.write(workspace, "folder/file", "x")
    assert {:error, _} = Workspace.read(workspace, "folder")
    assert {:error, _} = Workspace.write(workspace, "folder", "x")
    assert {:error, reason} = Workspace.read(workspace, "folder/file/x")
    assert reason =~ "is a file, not a folder"
    assert {:error, reason} = Workspace.read(workspace, "absent/file")
    assert reason =~ "there is no such file"
    assert {:error, _} = Workspace.list(workspace, "absent")
  end

  test "a workspace that cannot be created is an error", %{outside: outside} do
    assert {:error, %Error{kind: :write}} = Workspace.open(Path.join(outside, "canary/x"))
  end

  test "a run cannot add more files or bytes than its quota", context do
    %{workspace: workspace, root: root} = context
    File.write!(Path.join(root, "large"), String.duplicate("x", 1_000_000))
    :counters.put(workspace.quota, 1, 999)
    :counters.put(workspace.quota, 2, 99_000_000)
    assert :ok = Workspace.write(workspace, "one", "x")
    assert {:error, reason} = Workspace.write(workspace, "two", "x")
    assert reason =~ ~s("two": cannot be added: a run may add at most 1000 files)
    assert {:error, reason} = Workspace.write(workspace, "large", String.duplicate("x", 2_000_000))
    assert reason =~ "cannot be written: a run may add at most 100000000 bytes"
    assert :ok = Workspace.write(workspace, "large", String.duplicate("x", 1_999_999))
    assert :ok = Workspace.write(workspace, "large", "small")
    assert Workspace.list(workspace, ".") == {:ok, ["large", "one"]}
  end
end
