defmodule Pipeline.Files.StaleFoldersTest do
  use ExUnit.Case, async: true

  alias Pipeline.Files.StaleFolders

  @moduletag :tmp_dir

  defp left(folder, name, mode, days) do
    path = Path.join(folder, name)
    File.mkdir!(path)
    File.write!(Path.join(path, "stdin"), "a prompt")
    File.chmod!(path, mode)
    File.touch!(path, System.os_time(:second) - days * 86_400)
    path
  end

  test "only folders of ours that are old and that nobody else may enter are taken away", %{tmp_dir: folder} do
    program = "pipeline-" <> String.duplicate("a", 24)
    run = "pipeline-" <> String.duplicate("b", 32)
    gone = [left(folder, program, 0o700, 3), left(folder, run, 0o700, 3)]

    kept = [
      left(folder, "pipeline-" <> String.duplicate("c", 24), 0o700, 1),
      left(folder, "pipeline-" <> String.duplicate("d", 24), 0o755, 3),
      left(folder, "pipeline-mine", 0o700, 3)
    ]

    link = Path.join(folder, "pipeline-" <> String.duplicate("e", 24))
    File.ln_s!(hd(kept), link)

    assert StaleFolders.remove(folder) == :ok
    refute Enum.any?(gone, &File.exists?/1)
    assert Enum.all?([link, Path.join(hd(kept), "stdin") | kept], &File.exists?/1)
  end

  test "a folder that cannot be read has nothing in it for us", %{tmp_dir: folder} do
    assert StaleFolders.remove(Path.join(folder, "absent")) == :ok
  end
end
