defmodule Pipeline.Loader.Actions do
  @moduledoc "The steps that ask no model: `file_ops` and `set_variable`."

  alias Pipeline.Loader.{Fields, Note, Parts, Source}

  @operations %{
    "read" => {:read, [path: {:required, :text}]},
    "write" => {:write, [path: {:required, :text}, content: {:required, :any}]},
    "edit" => {:edit, [path: {:required, :text}, old: {:required, :any}, new: :any]},
    "list" => {:list, [path: :text]},
    "copy" => {:copy, [source: {:required, :text}, destination: {:required, :text}]}
  }
  # Of an operation that is not known, none of what it may take is a further problem.
  @any [path: :any, source: :any, destination: :any, content: :any]
  @refused %{
    "move" => "nothing is deleted in a workspace: copy it",
    "delete" => "nothing is deleted in a workspace",
    "validate" => "read the file: a file that is missing, too large or no text fails the step",
    "convert" => "ask a model for the other format, by a step with a schema",
    "stream_copy" => "files are copied as a whole: use copy",
    "stream_process" => "files are read as a whole: use read",
    "stream_read" => "files are read as a whole: use read",
    "stream_write" => "files are written as a whole: use write"
  }

  @spec types() :: [String.t()]
  def types, do: ["file_ops", "set_variable"]

  @doc "`operation` decides on the other keys of a file operation."
  @spec specification(String.t(), map()) :: Fields.specification()
  def specification("set_variable", _),
    do: [variable: :text, value: :any, from: :mapping, variables: :mapping]

  def specification("file_ops", step) do
    {_, keys} = Map.get(@operations, step["operation"], {nil, @any})
    [operation: {:required, :text}] ++ keys
  end

  @spec kind(String.t(), map()) :: :text | :structured
  def kind("set_variable", _), do: :structured
  def kind("file_ops", step), do: if(step["operation"] == "list", do: :structured, else: :text)

  @spec make(String.t(), map(), Source.place(), Parts.context()) ::
          {Pipeline.Step.action() | nil, [Note.t()]}
  def make("set_variable", %{variables: variables} = values, place, _) when variables != nil do
    if [values.variable, values.value, values.from] == [nil, nil, nil],
      do:
        {{:set_variable, Map.new(variables, fn {name, value} -> {name, {:value, value}} end)},
         unevaluated(variables, ["variables" | place])},
      else: {nil, [Note.error(place, "takes variables, or one variable with its value, not both")]}
  end

  def make("set_variable", %{variable: nil}, place, _),
    do: {nil, [Note.error(place, "expected variable with value or from, or variables")]}

  def make("set_variable", %{from: nil, value: nil}, place, _),
    do: {nil, [Note.error(place, "expected the key value, or from; what nobody sets is null anyway")]}

  def make("set_variable", %{variable: name, from: nil, value: value}, place, _),
    do: {{:set_variable, %{name => {:value, value}}}, unevaluated(value, ["value" | place])}

  def make("set_variable", %{variable: name, from: part, value: nil}, place, context) do
    {part, notes} = Parts.part(part, ["from" | place], context)
    {{:set_variable, %{name => part}}, notes}
  end

  def make("set_variable", _, place, _), do: {nil, [Note.error(place, "takes value or from, not both")]}

  def make("file_ops", %{operation: operation}, place, _) when is_map_key(@refused, operation),
    do:
      {nil,
       [Note.error(["operation" | place], "#{inspect(operation)} is not supported: #{@refused[operation]}")]}

  def make("file_ops", %{operation: operation} = values, place, context)
      when is_map_key(@operations, operation) do
    {texts, notes} =
      for(key <- [:content, :old, :new], is_map_key(values, key), do: key)
      |> Enum.map_reduce([], fn key, notes ->
        {parts, more} = text(values[key], [Atom.to_string(key) | place], context)
        {{key, parts}, notes ++ more}
      end)

    paths = values |> Map.take([:path, :source, :destination]) |> Map.reject(fn {_, path} -> path == nil end)

    {{:file_ops, elem(@operations[operation], 0), Map.merge(paths, Map.new(texts))},
     notes ++ placeholders(paths, place)}
  end

  def make("file_ops", %{operation: nil}, _, _), do: {nil, []}

  def make("file_ops", %{operation: operation}, place, _) do
    known = Map.keys(@operations)
    reason = "expected one of #{Enum.join(known, ", ")}#{Note.nearest(operation, known)}"
    {nil, [Note.error(["operation" | place], "#{inspect(operation)} is not known, #{reason}")]}
  end

  defp text(nil, _, _), do: {[{:static, ""}], []}
  defp text(text, place, _) when is_binary(text), do: {[{:static, text}], Parts.placeholders(text, place)}
  defp text(parts, place, context), do: Parts.read(parts, place, context)

  defp unevaluated(values, place) when is_map(values),
    do: Enum.flat_map(values, fn {name, value} -> unevaluated(value, [name | place]) end)

  defp unevaluated(values, place) when is_list(values) do
    values
    |> Enum.with_index()
    |> Enum.flat_map(fn {value, index} -> unevaluated(value, [index | place]) end)
  end

  defp unevaluated(value, place) do
    if is_binary(value) and value =~ "{{",
      do: [Note.error(place, "{{…}} is not evaluated: take what a step answered with from")],
      else: []
  end

  defp placeholders(paths, place) do
    for {key, path} <- paths,
        path =~ "{{",
        do: Note.error([Atom.to_string(key) | place], "{{…}} is not evaluated")
  end
end
