defmodule Pipeline.Step.ConditionTest do
  use ExUnit.Case, async: true

  alias Pipeline.Model.Answer
  alias Pipeline.Step.Condition

  @scope %{
    vars: %{
      "n" => "5",
      "blank" => " \n",
      "list" => ["a", 2],
      "no" => false,
      "digits" => String.duplicate("9", 400),
      "exponent" => "1e999",
      "long" => String.duplicate("9", 100_000),
      "big" => "9007199254740993"
    },
    answers: %{
      "review" => %Answer{
        text: "…",
        value: %{"score" => 7, "tags" => ["urgent"], "verdict" => "Yes", "off" => nil}
      },
      "text" => %Answer{text: "ready\n", value: "ready\n"}
    }
  }

  for {text, expected} <- [
        {"review.score >= 7", true},
        {"review.score > 7", false},
        {"review.score < 7.5", true},
        {"review.score != 7", false},
        {"review.tags[0] == 'urgent'", true},
        {"review.tags contains \"urgent\"", true},
        {"review.verdict contains \"es\"", true},
        {"review contains \"score\"", true},
        {"text == \"ready\"", true},
        {"vars.n > 4", true},
        {"vars.n == 5", true},
        {"vars.n == \"5\"", true},
        {"vars.n < \"40\"", false},
        {"vars.list[1] == 2", true},
        {"vars.list contains 2", true},
        {"vars.blank", false},
        {"vars.no", false},
        {"not vars.no", true},
        {"vars.absent == null", true},
        {"review.absent.deeper", false},
        {"review.off == null", true},
        {"skipped", false},
        {"review.score > \"a\"", false},
        {"vars.list < 5", false},
        {"true or false and false", true},
        {"(true or false) and false", false},
        {"not false and false", false},
        {"not (false and false)", true},
        {"not not true", true},
        {"\"a \\\" b\" == 'a \" b'", true},
        {"-1.5 < 0", true},
        {"vars.digits > 5", true},
        {"vars.digits == 7", false},
        {"vars.exponent > 5", false},
        {"vars.exponent == \"1e999\"", true},
        {"vars.long > 5", false},
        {"vars.big == 9007199254740993", true},
        {"vars.big == 9007199254740992", false},
        {"vars.n == 5.0", true},
        {"1#{String.duplicate("0", 400)} > 5", true},
        {"\"{{1+1}}\" == \"2\"", false}
      ] do
    test "the condition #{String.slice(text, 0, 60)} is #{expected}" do
      assert {:ok, condition, _} = Condition.parse(unquote(text))
      assert Condition.holds?(condition, @scope) == unquote(expected)
    end
  end

  for {text, reason} <- [
        {"", "ends where a step, a variable or a value is expected"},
        {"review.score >", "ends where"},
        {"review.score > 7 8", "expected and, or, or the end, got 8"},
        {"(review", "a closing parenthesis"},
        {"review == \"open", "cannot be read from"},
        {"review = 7", "cannot be read from"},
        {"vars == 1", "is neither STEP.place nor vars.NAME"},
        {"review..score", "is neither"},
        {"System.halt(1)", "expected and, or, or the end"},
        {String.duplicate("(", 200) <> "a", "is nested deeper than 64"},
        {String.duplicate("9", 1_001) <> " > 5", "is too long for a number"},
        {"1#{String.duplicate("0", 400)}.5 > 5", "is too long for a number"},
        {String.duplicate("a or ", 3_000) <> "a", "is longer than 10000 bytes"},
        {"and", "got \"and\""}
      ] do
    test "the text #{String.slice(text, 0, 30)} is refused as a condition" do
      assert {:error, reason} = Condition.parse(unquote(text))
      assert reason =~ unquote(reason)
    end
  end

  test "parse returns the names of the steps that the condition refers to" do
    assert {:ok, _, ["a", "b"]} = Condition.parse("a.x > 1 and (b or not a) and vars.c")
  end
end
