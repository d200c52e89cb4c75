defmodule Pipeline.Files.StaleFoldersTest do
  use ExUnit.Case, async: true

  alias Pipeline.Files.StaleFolders

  @moduletag :tmp_dir

  defp create(folder, name, mode, days) do
    path = Path.join(folder, name)
    File.mkdir!(path)
    File.write!(Path.join(path, "stdin"), "a prompt")
    File.chmod!(path, mode)
    File.touch!(path, System.os_time(:second) - days * 86_400)
    path
  end

  test "only old folders with our names that nobody else may enter are removed", %{tmp_dir: folder} do
    program = "pipeline-" <> String.duplicate("a", 24)
    run = "pipeline-" <> String.duplicate("b", 32)
    stale = [create(folder, program, 0o700, 3), create(folder, run, 0o700, 3)]

    others = [
      create(folder, "pipeline-" <> String.duplicate("c", 24), 0o700, 1),
      create(folder, "pipeline-" <> String.duplicate("d", 24), 0o755, 3),
      create(folder, "pipeline-mine", 0o700, 3)
    ]

    link = Path.join(folder, "pipeline-" <> String.duplicate("e", 24))
    File.ln_s!(hd(others), link)

    assert StaleFolders.remove(folder) == :ok
    refute Enum.any?(stale, &File.exists?/1)
    assert Enum.all?([link, Path.join(hd(others), "stdin") | others], &File.exists?/1)
  end

  test "a folder that cannot be read is ignored", %{tmp_dir: folder} do
    assert StaleFolders.remove(Path.join(folder, "absent")) == :ok
  end
end
