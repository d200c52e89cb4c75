defmodule Pipeline.Model.Schema.CheckTest do
  use ExUnit.Case, async: true

  alias Pipeline.Loader.Document
  alias Pipeline.Model.Schema.Check

  for {schema, text} <- [
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
        {%{"pattern" => "("}, "schema.pattern: is not a regular expression"},
        {%{"anyOf" => []}, "schema.anyOf: expected a list of schemas"},
        {%{"$ref" => "#/$defs/a"}, "\"#/$defs/a\" does not exist"},
        {%{"$ref" => "https://example.org/x"}, "expected a reference to a schema in $defs"},
        {%{"title" => 5}, "schema.title: expected a text"},
        {%{"description" => []}, "schema.description: expected a text"},
        {%{"examples" => "a"}, "schema.examples: expected a list of values"},
        {%{"readOnly" => "yes"}, "schema.readOnly: expected true or false"},
        {%{"default" => :undefined}, "schema.default: expected a value"},
        {%{"type" => ["string", "string"]}, "schema.type: expected one or more of object"},
        {%{"required" => ["a", "a"]}, "schema.required: expected a list of texts, each once"},
        {%{"anyOf" => [%{}, %{"x" => 1}]}, "schema.anyOf[1].x"}
      ] do
    test "#{inspect(schema)} is refused: #{text}" do
      messages =
        for {path, problem} <- Check.problems(unquote(Macro.escape(schema))),
            do: "#{Document.name(Enum.reverse(["schema" | path]))}: #{problem}"

      assert Enum.any?(messages, &(&1 =~ unquote(text))), inspect(messages)
    end
  end

  test "names of properties that Anthropic refuses are found at every depth" do
    bad = %{"properties" => %{"a b" => %{}}}
    schema = %{"items" => bad, "$defs" => %{"x" => bad}, "anyOf" => [bad, %{"properties" => %{"ok" => bad}}]}
    assert Check.problems(schema) == []
    assert Check.provider_problems(schema, :gemini) == []

    assert schema |> Check.provider_problems(:anthropic) |> Enum.map(&elem(&1, 0)) |> Enum.sort() ==
             Enum.sort([
               ["items", "properties", "a b"],
               ["$defs", "x", "properties", "a b"],
               ["anyOf", 0, "properties", "a b"],
               ["anyOf", 1, "properties", "ok", "properties", "a b"]
             ])

    assert [_] = Check.provider_problems(%{"properties" => %{String.duplicate("x", 65) => %{}}}, :anthropic)
  end
end
