defmodule Pipeline.Model.Schema.CheckTest do
  use ExUnit.Case, async: true

  alias Pipeline.Model.Schema.Check

  for {schema, said} <- [
        {"text", "schema: expected a mapping"},
        {%{"typ" => "string"}, "schema.typ: this keyword is not known"},
        {%{"typ" => "string"}, "did you mean \"type\"?"},
        {%{"type" => "text"}, "schema.type: expected one or more of object"},
        {%{"type" => []}, "schema.type: expected one or more"},
        {%{"properties" => %{"a" => %{"if" => %{}}}}, "schema.properties.a.if: this keyword"},
        {%{"properties" => []}, "schema.properties: expected a mapping"},
        {%{"required" => "a"}, "schema.required: expected a list of texts"},
        {%{"items" => [%{}]}, "schema.items: expected a mapping"},
        {%{"enum" => []}, "schema.enum: expected a list of values"},
        {%{"enum" => [:undefined]}, "schema.enum: expected a list of values"},
        {%{"minLength" => -1}, "schema.minLength: expected a whole number"},
        {%{"minimum" => "1"}, "schema.minimum: expected a number"},
        {%{"uniqueItems" => "yes"}, "schema.uniqueItems: expected true or false"},
        {%{"pattern" => "("}, "schema.pattern: is no regular expression"},
        {%{"anyOf" => []}, "schema.anyOf: expected a list of schemas"},
        {%{"$ref" => "#/$defs/a"}, "\"#/$defs/a\" is not there"},
        {%{"$ref" => "https://example.org/x"}, "only a schema in $defs"},
        {%{"anyOf" => [%{}, %{"x" => 1}]}, "schema.anyOf[1].x"}
      ] do
    test "#{inspect(schema)} is no schema: #{said}" do
      assert {:error, problems} = Check.check(unquote(Macro.escape(schema)))
      assert Enum.any?(problems, &(&1 =~ unquote(said))), inspect(problems)
    end
  end
end
