defmodule Pipeline.Model.SchemaTest do
  use ExUnit.Case, async: true

  alias Pipeline.Model.Schema
  alias Pipeline.Model.Schema.Check

  # Each row has a schema, values that fit, and values that do not fit, each with a part of its problem.
  @table [
    {%{}, [nil, 1, "a", [], %{}], []},
    {%{"type" => "string"}, ["", "a"], [{1, "$: expected string, got 1"}, {nil, "got null"}]},
    {%{"type" => ["string", "null"]}, ["a", nil], [{[], "expected string or null"}]},
    {%{"type" => "integer"}, [1, 1.0, -3], [{1.5, "expected integer, got 1.5"}, {true, "got true"}]},
    {%{"type" => "number"}, [1, 1.5], [{"1", "expected number"}]},
    {%{"type" => "boolean"}, [true, false], [{nil, "expected boolean"}, {0, "expected boolean"}]},
    {%{"type" => "null"}, [nil], [{false, "expected null"}]},
    {%{"type" => "string", "nullable" => true, "minLength" => 2}, [nil, "ab"],
     [{"a", "at least 2 characters, got 1"}]},
    {%{"enum" => ["a", 1, nil]}, ["a", 1, 1.0, nil], [{"b", "one of \"a\", 1, null"}]},
    {%{"const" => %{"a" => [1]}}, [%{"a" => [1.0]}], [{%{}, "expected %{\"a\" => [1]}"}]},
    {%{"required" => ["a", "b"]}, [%{"a" => nil, "b" => 1}, "no object"],
     [{%{"b" => 1}, "the key \"a\" is missing"}]},
    {%{"properties" => %{"a" => %{"type" => "string"}}}, [%{}, %{"a" => "x", "b" => 1}],
     [{%{"a" => 1}, "$.a: "}]},
    {%{"properties" => %{"a b" => %{"type" => "string"}}}, [], [{%{"a b" => 1}, "$[\"a b\"]: "}]},
    {%{"properties" => %{"a" => %{}}, "additionalProperties" => false}, [%{"a" => 1}],
     [{%{"b" => 1}, "$.b: this key is not expected"}]},
    {%{"additionalProperties" => %{"type" => "integer"}}, [%{"a" => 1}],
     [{%{"a" => "x"}, "$.a: expected integer"}]},
    {%{"items" => %{"type" => "integer"}}, [[], [1, 2]], [{[1, "x"], "$[1]: expected integer"}]},
    {%{"minItems" => 1, "maxItems" => 2}, [[1], [1, 2]],
     [{[], "at least 1 items"}, {[1, 2, 3], "at most 2 items"}]},
    {%{"uniqueItems" => true}, [[1, 2], [%{"a" => 1}, %{"a" => 2}]], [{[1, 1.0], "no item twice"}]},
    {%{"maxLength" => 2}, ["üü", 12_345], [{"abc", "at most 2 characters, got 3"}]},
    {%{"pattern" => "b+"}, ["abc"], [{"ac", "matches b+"}]},
    {%{"minimum" => 1, "maximum" => 3}, [1, 3], [{0, "from 1"}, {4, "up to 3"}]},
    {%{"exclusiveMinimum" => 1, "exclusiveMaximum" => 3}, [2], [{1, "above 1"}, {3, "below 3"}]},
    {%{"allOf" => [%{"minimum" => 1}, %{"maximum" => 3}]}, [2], [{4, "up to 3"}]},
    {%{"anyOf" => [%{"type" => "string"}, %{"minimum" => 3}]}, ["a", 3], [{1, "fits none"}]},
    {%{"oneOf" => [%{"type" => "integer"}, %{"minimum" => 3}]}, [1, 3.5],
     [{3, "exactly one"}, {1.5, "fits none"}]},
    {%{"$ref" => "#/$defs/n", "$defs" => %{"n" => %{"type" => "integer"}}}, [1], [{"a", "expected integer"}]},
    {%{
       "$ref" => "#/definitions/tree",
       "definitions" => %{
         "tree" => %{
           "type" => "object",
           "properties" => %{"kids" => %{"items" => %{"$ref" => "#/definitions/tree"}}}
         }
       }
     }, [%{"kids" => [%{"kids" => []}]}],
     [{%{"kids" => [%{"kids" => [1]}]}, "$.kids[0].kids[0]: expected object"}]}
  ]

  for {{schema, fitting, others}, index} <- Enum.with_index(@table) do
    test "row #{index}: values are checked by #{inspect(schema, limit: 6)}" do
      schema = unquote(Macro.escape(schema))
      assert Check.problems(schema) == []

      for value <- unquote(Macro.escape(fitting)),
          do: assert({value, Schema.validate(value, schema)} == {value, :ok})

      for {value, problem} <- unquote(Macro.escape(others)) do
        assert {:error, problems} = Schema.validate(value, schema)
        assert Enum.any?(problems, &(&1 =~ problem)), inspect(problems)
      end
    end
  end

  test "all problems are reported at once" do
    schema = %{"required" => ["a"], "properties" => %{"b" => %{"type" => "string"}, "c" => %{"minimum" => 1}}}
    assert {:error, problems} = Schema.validate(%{"b" => 1, "c" => 0}, schema)
    assert length(problems) == 3
  end

  test "a check that would never end, because the schema refers to itself, is given up" do
    circle = %{"$ref" => "#/$defs/a", "$defs" => %{"a" => %{"$ref" => "#/$defs/a"}}}
    both = %{"anyOf" => [%{"$ref" => "#/$defs/a"}, %{"$ref" => "#/$defs/a"}]}

    for schema <- [circle, %{"$ref" => "#/$defs/a", "$defs" => %{"a" => both}}] do
      assert Check.problems(schema) == []
      assert {:error, ["$: needs too much work" <> _]} = Schema.validate(1, schema)
    end
  end

  test "a pattern that needs too much work is given up" do
    text = String.duplicate("a", 50_000) <> "!"

    assert {micros, {:error, [problem]}} =
             :timer.tc(fn -> Schema.validate(text, %{"pattern" => "^(a|a?)+$"}) end)

    assert problem =~ "too much work"
    # Without a limit, the search for a match would not end.
    assert micros < 20_000_000
    items = %{"items" => %{"pattern" => "^(a|aa)+$"}}

    assert {micros, {:error, ["$: needs too much" <> _]}} =
             :timer.tc(fn -> Schema.validate(List.duplicate(text, 5_000), items) end)

    assert micros < 20_000_000
  end
end
