defmodule Pipeline.Files.WorkspacePropertyTest do
  @moduledoc "Tests 10,000 hostile paths in a workspace that contains links, hard links and pipes."

  use ExUnit.Case, async: true

  import :proper_types, only: [elements: 1, frequency: 1, list: 1, non_empty: 1, tuple: 1, binary: 0]

  alias Pipeline.Files.Workspace

  @moduletag :tmp_dir

  # Names of files in the workspace, and names that lead out of it.
  @names ~w(a A new folder Folder deep out out_of_folder within link dangling loop hard pipe root inside outside canary)

  # Names that file systems or programs interpret in a special way.
  @hostile [
             "..",
             ".",
             "",
             "...",
             "~",
             "~root",
             "etc",
             "passwd",
             "proc",
             "self",
             "C:",
             "nul",
             "CON.txt",
             "a\0"
           ] ++
             [
               "..\0",
               "a\n",
               "..%2f",
               "%2e%2e",
               "..\\..",
               "\\\\host",
               "\u2025",
               "\uFF0E\uFF0E",
               "\u202E",
               ".. "
             ] ++
             ["..;", "$HOME", "`id`", "-rf", "*", "canary.", ".pipeline-tmp-1", ".PIPELINE-TMP-1", "\u0000"] ++
             [<<0xC0, 0xAE, 0xC0, 0xAE>>, <<0xFF>>, String.duplicate("a", 300)]

  @starts ["", "", "", "", "folder/", "folder/deep/", "out/", "./", "../", "/"]
  @separators ["/", "/", "/", "/", "//", "\\", "/./", "/../", "\0/", ""]

  defp hostile_path do
    name =
      frequency([{6, elements(@names)}, {4, elements(@hostile)}, {1, :proper_unicode.utf8(8)}, {1, binary()}])

    tuple([elements(@starts), non_empty(list({name, elements(@separators)}))])
  end

  defp path_text({start, names}) do
    [{last, _} | before] = Enum.reverse(names)
    (before |> Enum.reverse() |> Enum.reduce(start, fn {n, s}, path -> path <> n <> s end)) <> last
  end

  setup %{tmp_dir: folder} do
    {:ok, workspace} = Workspace.open(Path.join(folder, "inside"))
    root = workspace.root
    outside = Path.join(folder, "outside")
    File.mkdir_p!(Path.join(outside, "folder"))
    canaries = for name <- ["canary", "folder/canary", "a"], do: Path.join(outside, name)
    for path <- [Path.join(folder, "canary") | canaries], do: File.write!(path, "the canary sings")
    File.mkdir_p!(Path.join(root, "folder/deep"))
    File.write!(Path.join(root, "a"), "a text")
    File.write!(Path.join(root, "folder/a"), "a text")
    File.write!(Path.join(root, ".pipeline-tmp-1"), "half")
    File.ln_s!(outside, Path.join(root, "out"))
    File.ln_s!("../../outside", Path.join(root, "folder/out_of_folder"))
    File.ln_s!("/", Path.join(root, "folder/root"))
    File.ln_s!("folder", Path.join(root, "within"))
    File.ln_s!("loop", Path.join(root, "loop"))
    File.ln_s!(hd(canaries), Path.join(root, "link"))
    File.ln_s!(Path.join(outside, "new"), Path.join(root, "folder/dangling"))
    File.ln!(hd(canaries), Path.join(root, "hard"))
    {_, 0} = System.cmd("mkfifo", [Path.join(root, "folder/pipe")])
    %{workspace: workspace, folder: folder, root: root}
  end

  # 10,000 paths take about 20 seconds, and longer on a busy machine.
  @tag timeout: 300_000
  test "none of 10,000 hostile paths leaves the workspace", context do
    before = surroundings(context)
    states = file_states(before)

    holds? = fn {path, operation} ->
      path = path_text(path)
      outcome = run(context.workspace, operation, path)
      allowed?(outcome, path, context) and file_states(before) == states
    end

    property = :proper.forall(tuple([hostile_path(), elements([:read, :write, :edit, :list])]), holds?)

    assert :proper.quickcheck(property, [:quiet, :noshrink, numtests: 10_000]) == true,
           inspect(:proper.counterexample())

    assert surroundings(context) == before

    # Some paths have to reach a file. Otherwise the test would prove nothing.
    assert {:ok, files} = Workspace.list(context.workspace, ".")
    written_files = Enum.filter(files, &(Workspace.read(context.workspace, &1) == {:ok, "written"}))
    assert Enum.any?(written_files, &(&1 =~ ~r{\Afolder/.+})) and Enum.any?(written_files, &(not (&1 =~ "/")))
    refute Enum.any?(files, &(&1 =~ ~r{(\A|/)\.pipeline-tmp-}i))
  end

  defp run(workspace, :read, path), do: Workspace.read(workspace, path)
  defp run(workspace, :write, path), do: Workspace.write(workspace, path, "written")
  defp run(workspace, :edit, path), do: Workspace.edit(workspace, path, "the canary sings", "written")
  defp run(workspace, :list, path), do: Workspace.list(workspace, path)

  # No text or path from outside, no change outside, and no absolute path in a message.
  defp allowed?({:ok, text}, _, _) when is_binary(text), do: not (text =~ "canary")
  defp allowed?({:ok, files}, _, context), do: Enum.all?(files, &within?(&1, context.root))
  defp allowed?(:ok, path, context), do: within?(path, context.root)
  defp allowed?({:error, reason}, _, context), do: String.valid?(reason) and not (reason =~ context.folder)

  # Only folders are on the way, and the end is a file without hard links.
  defp within?(path, root) do
    names = String.split(path, "/")
    entries = names |> Enum.scan(&Path.join(&2, &1)) |> Enum.map(&File.lstat!(Path.join(root, &1)))
    {folders, [file]} = Enum.split(entries, -1)

    ".." not in names and Enum.all?(folders, &(&1.type == :directory)) and file.type == :regular and
      file.links == 1
  end

  # The operating system's information on each file outside. Reading it for every path is cheap enough.
  defp file_states(surroundings),
    do: for({file, content} <- surroundings, content, do: :file.read_link_info(file, [:raw]))

  # All names and contents outside of the workspace.
  defp surroundings(%{folder: folder}) do
    for path <- ["", "outside", "outside/folder"], name <- Enum.sort(File.ls!(Path.join(folder, path))) do
      file = Path.join([folder, path, name])
      {file, if(name in ["canary", "a"], do: {File.read!(file), %{File.lstat!(file) | atime: nil}})}
    end
  end
end
