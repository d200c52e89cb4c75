defmodule Pipeline.Value.JSONTest do
  use ExUnit.Case, async: true

  alias Pipeline.Value.JSON

  test "half a surrogate pair and a byte that is not UTF-8 are replaced, and the rest of the reply is kept" do
    for {text, value} <- [
          {~S(["a\ud800b"]), ["a\uFFFDb"]},
          {~S(["\uDFFF"]), ["\uFFFD"]},
          {~S(["\ud800\ud83d\ude00"]), ["\uFFFD😀"]},
          {~S(["\uD83D\uDE00"]), ["😀"]},
          {~S(["\\ud800"]), ["\\ud800"]},
          {~S(["\\\ud800"]), ["\\\uFFFD"]},
          {~S({"\udc00": "\u0041\n"}), %{"\uFFFD" => "A\n"}},
          {<<?[, ?", ?a, 0xFF, 0xFE, ?", ?]>>, ["a\uFFFD"]},
          {~s(["plain ü 😀"]), ["plain ü 😀"]}
        ] do
      assert JSON.decode_foreign(text) == {:ok, value}
    end
  end

  test "a text that is not JSON is an error" do
    for text <- ["", "{", <<0xFF>>, "[\"\\ud800", String.duplicate("[", 100_000)] do
      assert JSON.decode_foreign(text) == :error
    end
  end
end
