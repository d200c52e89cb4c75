defmodule Pipeline.Files.WorkspacePropertyTest do
  @moduledoc "Hostile paths against a workspace with hostile content in it."

  use ExUnit.Case, async: true

  import :proper_types, only: [elements: 1, frequency: 1, list: 1, non_empty: 1, tuple: 1, binary: 0]

  alias Pipeline.Files.Workspace

  @moduletag :tmp_dir

  # What is there, or leads out of it.
  @names ~w(a A new folder Folder deep out out_of_folder within link dangling loop hard pipe root inside outside canary)

  # What file systems and programs take for something else.
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

  defp hostile do
    name =
      frequency([{6, elements(@names)}, {4, elements(@hostile)}, {1, :proper_unicode.utf8(8)}, {1, binary()}])

    tuple([elements(@starts), non_empty(list({name, elements(@separators)}))])
  end

  defp written({start, names}) do
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

  test "of 10,000 hostile paths none leaves the workspace", context do
    before = around(context)
    glance = glance(before)

    holds? = fn {path, operation} ->
      path = written(path)
      said = run(context.workspace, operation, path)
      rightly?(said, path, context) and glance(before) == glance
    end

    property = :proper.forall(tuple([hostile(), elements([:read, :write, :edit, :list])]), holds?)

    assert :proper.quickcheck(property, [:quiet, :noshrink, numtests: 10_000]) == true,
           inspect(:proper.counterexample())

    assert around(context) == before

    # The paths reached something: else nothing was shown.
    assert {:ok, files} = Workspace.list(context.workspace, ".")
    written = Enum.filter(files, &(Workspace.read(context.workspace, &1) == {:ok, "written"}))
    assert Enum.any?(written, &(&1 =~ ~r{\Afolder/.+})) and Enum.any?(written, &(not (&1 =~ "/")))
    refute Enum.any?(files, &(&1 =~ ~r{(\A|/)\.pipeline-tmp-}i))
  end

  defp run(workspace, :read, path), do: Workspace.read(workspace, path)
  defp run(workspace, :write, path), do: Workspace.write(workspace, path, "written")
  defp run(workspace, :edit, path), do: Workspace.edit(workspace, path, "the canary sings", "written")
  defp run(workspace, :list, path), do: Workspace.list(workspace, path)

  defp rightly?({:ok, text}, _, _) when is_binary(text), do: not (text =~ "canary")
  defp rightly?({:ok, files}, _, context), do: Enum.all?(files, &within?(&1, context.root))
  defp rightly?(:ok, path, context), do: within?(path, context.root)
  defp rightly?({:error, reason}, _, context), do: String.valid?(reason) and not (reason =~ context.folder)

  # Nothing but folders on its way, and a file of one name at its end.
  defp within?(path, root) do
    names = String.split(path, "/")
    ways = names |> Enum.scan(&Path.join(&2, &1)) |> Enum.map(&File.lstat!(Path.join(root, &1)))
    {folders, [file]} = Enum.split(ways, -1)

    ".." not in names and Enum.all?(folders, &(&1.type == :directory)) and file.type == :regular and
      file.links == 1
  end

  # Cheap enough to be done for every path: what the operating system says of each file there.
  defp glance(around), do: for({file, content} <- around, content, do: :file.read_link_info(file, [:raw]))

  # All names and contents outside of the workspace.
  defp around(%{folder: folder}) do
    for path <- ["", "outside", "outside/folder"], name <- Enum.sort(File.ls!(Path.join(folder, path))) do
      file = Path.join([folder, path, name])
      {file, if(name in ["canary", "a"], do: {File.read!(file), %{File.lstat!(file) | atime: nil}})}
    end
  end
end
