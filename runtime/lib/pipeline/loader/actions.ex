defmodule Pipeline.Loader.Actions do
  @moduledoc """
  Reads the steps that do not ask a model: `file_ops` and `set_variable`.

      - {name: draft, type: file_ops, operation: write, path: notes/draft.md, content: For operators}
      - {name: audience, type: set_variable, variable: audience, value: operators}
  """

  alias Pipeline.Loader.{Fields, Note, Parts, Source}

  @operations %{
    "read" => {:read, [path: {:required, :text}]},
    "write" => {:write, [path: {:required, :text}, content: {:required, :any}]},
    "edit" => {:edit, [path: {:required, :text}, old: {:required, :any}, new: :any]},
    "list" => {:list, [path: :text]},
    "copy" => {:copy, [source: {:required, :text}, destination: {:required, :text}]}
  }
  # If the operation is not known, these keys cause no further problem.
  @keys_of_unknown_operation [path: :any, source: :any, destination: :any, content: :any]
  @refused %{
    "move" => "nothing is deleted in a workspace: copy it",
    "delete" => "nothing is deleted in a workspace",
    "validate" => "read the file: the step fails if the file is missing, too large or not a text",
    "convert" => "ask a model for the other format, in a step with a schema",
    "stream_copy" => "files are copied as a whole: use copy",
    "stream_process" => "files are read as a whole: use read",
    "stream_read" => "files are read as a whole: use read",
    "stream_write" => "files are written as a whole: use write"
  }

  @doc "Return the names of the types of these steps."
  @spec types() :: [String.t()]
  def types, do: ["file_ops", "set_variable"]

  @doc "Return the specification of a step's keys. The keys of a file operation depend on `operation`."
  @spec specification(String.t(), map()) :: Fields.specification()
  def specification("set_variable", _),
    do: [variable: :text, value: :any, from: :mapping, variables: :mapping]

  def specification("file_ops", step) do
    {_, keys} = Map.get(@operations, step["operation"], {nil, @keys_of_unknown_operation})
    [operation: {:required, :text}] ++ keys
  end

  @doc "Return `:structured` if later steps can take places from the answer of such a step, else `:text`."
  @spec kind(String.t(), map()) :: :text | :structured
  def kind("set_variable", _), do: :structured
  def kind("file_ops", step), do: if(step["operation"] == "list", do: :structured, else: :text)

  @doc "Return the action of a step from the values of its keys, and the notes. The action is nil if there is an error."
  @spec make(String.t(), map(), Source.place(), Parts.context()) ::
          {Pipeline.Step.action() | nil, [Note.t()]}
  def make("set_variable", %{variables: variables} = values, place, _) when variables != nil do
    if [values.variable, values.value, values.from] == [nil, nil, nil],
      do:
        {{:set_variable, Map.new(variables, fn {name, value} -> {name, {:value, value}} end)},
         placeholder_errors(variables, ["variables" | place])},
      else: {nil, [Note.error(place, "takes variables, or one variable with its value, but not both")]}
  end

  def make("set_variable", %{variable: nil}, place, _),
    do: {nil, [Note.error(place, "expected the keys variable and value, or variable and from, or variables")]}

  def make("set_variable", %{from: nil, value: nil}, place, _),
    do: {nil, [Note.error(place, "expected the key value or from; to get null, leave the variable unset")]}

  def make("set_variable", %{variable: name, from: nil, value: value}, place, _),
    do: {{:set_variable, %{name => {:value, value}}}, placeholder_errors(value, ["value" | place])}

  def make("set_variable", %{variable: name, from: part, value: nil}, place, context) do
    {part, notes} = Parts.part(part, ["from" | place], context)
    {{:set_variable, %{name => part}}, notes}
  end

  def make("set_variable", _, place, _), do: {nil, [Note.error(place, "takes value or from, but not both")]}

  def make("file_ops", %{operation: operation}, place, _) when is_map_key(@refused, operation),
    do:
      {nil,
       [Note.error(["operation" | place], "#{inspect(operation)} is not supported: #{@refused[operation]}")]}

  def make("file_ops", %{operation: operation} = values, place, context)
      when is_map_key(@operations, operation) do
    {texts, notes} =
      for(key <- [:content, :old, :new], is_map_key(values, key), do: key)
      |> Enum.map_reduce([], fn key, notes ->
        {parts, part_notes} = text(values[key], [Atom.to_string(key) | place], context)
        {{key, parts}, notes ++ part_notes}
      end)

    paths = values |> Map.take([:path, :source, :destination]) |> Map.reject(fn {_, path} -> path == nil end)

    {{:file_ops, elem(@operations[operation], 0), Map.merge(paths, Map.new(texts))},
     notes ++ path_errors(paths, place)}
  end

  def make("file_ops", %{operation: nil}, _, _), do: {nil, []}

  def make("file_ops", %{operation: operation}, place, _) do
    known = Map.keys(@operations)
    expectation = "expected one of #{Enum.join(known, ", ")}#{Note.nearest(operation, known)}"
    {nil, [Note.error(["operation" | place], "#{inspect(operation)} is not known, #{expectation}")]}
  end

  defp text(nil, _, _), do: {[{:static, ""}], []}
  defp text(text, place, _) when is_binary(text), do: {[{:static, text}], Parts.placeholders(text, place)}
  defp text(parts, place, context), do: Parts.read(parts, place, context)

  # A value of `set_variable` is taken literally. Refuse a `{{…}}` in it at any depth, because the user expects a value there.
  defp placeholder_errors(values, place) when is_map(values),
    do: Enum.flat_map(values, fn {name, value} -> placeholder_errors(value, [name | place]) end)

  defp placeholder_errors(values, place) when is_list(values) do
    values
    |> Enum.with_index()
    |> Enum.flat_map(fn {value, index} -> placeholder_errors(value, [index | place]) end)
  end

  defp placeholder_errors(value, place) do
    if is_binary(value) and value =~ "{{",
      do: [Note.error(place, "{{…}} is not evaluated: to take the answer of a step, use from")],
      else: []
  end

  defp path_errors(paths, place) do
    for {key, path} <- paths,
        path =~ "{{",
        do: Note.error([Atom.to_string(key) | place], "{{…}} is not evaluated: write the path itself")
  end
end
