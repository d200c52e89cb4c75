defmodule Pipeline.Serve.TokenTest do
  use ExUnit.Case, async: true

  alias Pipeline.Serve.Token

  @moduletag :tmp_dir

  test "the file with the token has to be readable by its owner only, and not empty", %{tmp_dir: folder} do
    file = Path.join(folder, "token")
    File.write!(file, " the token\n")
    File.chmod!(file, 0o644)
    assert {:error, %{kind: :usage, message: message}} = Token.read(file)
    assert message =~ "chmod 600"
    File.chmod!(file, 0o600)
    assert {:ok, token} = Token.read(file)
    assert Token.matches?(token, "the token")
    refute Token.matches?(token, "the token\n")
    refute inspect(token) =~ "hash"
    File.write!(file, " \n")
    assert {:error, %{message: message}} = Token.read(file)
    assert message =~ "is empty"
    assert {:error, %{message: message}} = Token.read(Path.join(folder, "absent"))
    assert message =~ "no such file"
  end
end
