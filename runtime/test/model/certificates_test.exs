defmodule Pipeline.Model.CertificatesTest do
  use ExUnit.Case, async: true

  alias Pipeline.Error
  alias Pipeline.Model.{Certificates, HTTP}

  @moduletag :tmp_dir

  test "the error on a machine without CA certificates says what to install" do
    for load <- [
          fn -> raise FunctionClauseError end,
          fn -> :erlang.error({:failed_load_cacerts, :enoent}) end,
          fn -> throw({:error, :enoent}) end,
          fn -> [] end
        ] do
      assert {:error, %Error{kind: :usage, retry: :never, message: message}} = Certificates.trusted(nil, load)
      assert message =~ "no CA certificates"
      assert message =~ "install the package ca-certificates, or set SSL_CERT_FILE"
    end
  end

  test "the file of SSL_CERT_FILE is used, and a file without certificates is an error", %{tmp_dir: folder} do
    certificate = :public_key.pkix_test_root_cert(~c"test", []).cert
    file = Path.join(folder, "ca.pem")
    File.write!(file, :public_key.pem_encode([{:Certificate, certificate, :not_encrypted}]))
    assert Certificates.trusted(file) == {:ok, [certificate]}

    File.write!(file, "nothing")
    assert {:error, %Error{kind: :usage, message: message}} = Certificates.trusted(file)
    assert message =~ "SSL_CERT_FILE=#{file}: has no certificate in it"
    absent = Path.join(folder, "absent")
    assert {:error, %Error{kind: :usage, message: message}} = Certificates.trusted(absent)
    assert message =~ "cannot be read (no such file or directory)"
  end

  test "only https needs certificates", %{tmp_dir: folder} do
    options = [ca_file: Path.join(folder, "absent")]
    assert {:error, %Error{kind: :usage}} = HTTP.post_json("https://127.0.0.1:1", [], %{}, 500, options)

    assert {:error, %Error{kind: :provider_unavailable}} =
             HTTP.post_json("http://127.0.0.1:1", [], %{}, 5_000, options)
  end
end
