defmodule Pipeline.Loader.Parts do
  @moduledoc """
  Reads the parts of a prompt, or of a text that a file operation writes.

      prompt:
        - {type: static, content: "Improve this plan:"}
        - {type: previous_response, step: write_plan}
  """

  alias Pipeline.Loader.{Fields, Note, Source}
  alias Pipeline.Model.Ask
  alias Pipeline.Value.Extract

  @specifications %{
    "static" => [content: {:required, :text}],
    "variable" => [name: {:required, :text}],
    "file" => [path: :text, input: :text, optional: :boolean],
    "previous_response" => [step: {:required, :text}, extract: :text, optional: :boolean]
  }
  @types Map.keys(@specifications)
  @refused %{
    "session_prompt" => "there are no sessions: pass on an answer with previous_response",
    "claude_continue" => "there are no sessions: pass on an answer with previous_response"
  }

  @typedoc """
  Only a structured answer has places from which `extract` can take a value. The kind of an answer is unknown if its step has
  an error.
  """
  @type answer_kind :: :text | :structured | :unknown

  @typedoc """
  What a step may refer to. `folder` is the folder of the pipeline file. `answer_kinds` has the kind of the answer of each
  earlier step, by the step's name.
  """
  @type context :: %{
          :folder => Path.t(),
          :answer_kinds => %{String.t() => answer_kind()},
          optional(atom()) => term()
        }

  @doc "Read a list of parts. Return the parts and the notes."
  @spec read(term(), Source.place(), context()) :: {[Ask.part()], [Note.t()]}
  def read(parts, place, context) when is_list(parts) and parts != [] do
    {parts, notes} =
      parts
      |> Enum.with_index()
      |> Enum.map(fn {part, index} -> part(part, [index | place], context) end)
      |> Enum.unzip()

    {parts, Enum.concat(notes)}
  end

  def read(text, place, _) when is_binary(text) do
    {[],
     [
       Note.error(
         place,
         "is a text, expected a list of parts: write the text as `- type: static` with `content`, and values from " <>
           "elsewhere as parts of type variable, file or previous_response"
       )
     ]}
  end

  def read(other, place, _),
    do: {[], [Note.error(place, "expected a list of at least one part#{Note.got(other)}")]}

  @doc "Read one part. The part is nil if it has an error."
  @spec part(term(), Source.place(), context()) :: {Ask.part() | nil, [Note.t()]}
  def part(%{"type" => type}, place, _) when is_map_key(@refused, type),
    do: {nil, [Note.error(["type" | place], "#{inspect(type)} is not supported: #{@refused[type]}")]}

  def part(%{"type" => type} = part, place, context) when is_map_key(@specifications, type) do
    {values, notes} = Fields.read(part, place, [type: :text] ++ @specifications[type])

    if Enum.any?(notes, &match?({:error, _, _}, &1)) do
      {nil, notes}
    else
      {part, part_notes} = make(type, values, place, context)
      {part, notes ++ part_notes}
    end
  end

  # If the type of a part is not known, its other keys cannot be checked.
  def part(part, place, _) do
    part = if is_map(part), do: Map.take(part, ["type"]), else: part
    {_, notes} = Fields.read(part, place, type: {:required, {:one_of, @types}})
    {nil, notes}
  end

  defp make("static", %{content: content}, place, _),
    do: {{:static, content}, placeholders(content, ["content" | place])}

  defp make("variable", %{name: name}, _, _), do: {{:variable, name}, []}

  defp make("file", %{path: nil, input: nil}, place, _),
    do: {nil, [Note.error(place, "expected the key path, or input")]}

  defp make("file", %{path: nil} = values, _, _), do: {{:input, values.input, values.optional || false}, []}

  defp make("file", %{path: path, input: nil} = values, place, context) do
    case Regex.run(~r/\A\{\{\s*([\w-]+)\s*\}\}\z/, path) do
      # This is the only way in which a file of pipeline_ex can name an input.
      [_, name] -> {{:input, name, values.optional || false}, []}
      nil -> file(path, values, place, context)
    end
  end

  defp make("file", _, place, _), do: {nil, [Note.error(place, "takes input or path, but not both")]}

  defp make("previous_response", values, place, context) do
    with {"step", {:ok, kind}} <- {"step", answer_kind(values.step, context)},
         {"extract", {:ok, path}} <- {"extract", path(values.extract, kind)} do
      part = {:previous_response, values.step, path}
      {if(values.optional, do: {:optional, part}, else: part), []}
    else
      {key, {:error, message}} -> {nil, [Note.error([key | place], message)]}
    end
  end

  defp file(path, values, place, context) do
    cond do
      path =~ "{{" ->
        {nil,
         [
           Note.error(
             ["path" | place],
             "{{…}} is not evaluated inside a path: use input to name a file from outside"
           )
         ]}

      values.optional != nil ->
        {nil, [Note.error(["optional" | place], "only an input, or the answer of a step, may be optional")]}

      true ->
        {{:file, Path.expand(path, context.folder)}, []}
    end
  end

  @doc "Return the kind of an earlier step's answer, or an error if no earlier step has this name."
  @spec answer_kind(String.t(), context()) :: {:ok, answer_kind()} | {:error, String.t()}
  def answer_kind(step, context) do
    case context.answer_kinds do
      %{^step => kind} ->
        {:ok, kind}

      kinds ->
        nearest = Note.nearest(step, Map.keys(kinds))
        {:error, "no step before this one is named #{inspect(step)}#{nearest}"}
    end
  end

  # The path of a whole answer is empty.
  defp path(nil, _), do: {:ok, []}

  defp path(text, kind) do
    case Extract.parse(text) do
      {:ok, path} when kind != :text ->
        {:ok, path}

      {:ok, _} ->
        {:error, "that step answers with a text, which has no places: give that step a schema"}

      :error ->
        {:error, "expected a place such as a.b[0]#{Note.got(text)}"}
    end
  end

  @doc "Return a warning for the first `{{…}}` in a text, because the text is sent unchanged."
  @spec placeholders(String.t() | nil, Source.place()) :: [Note.t()]
  def placeholders(nil, _), do: []

  def placeholders(text, place) do
    case Regex.run(~r/\{\{[^{}\n]{0,80}\}\}/u, text) do
      [placeholder] ->
        [
          Note.warning(
            place,
            "#{placeholder} is sent unchanged: to insert a value, write a part of type variable"
          )
        ]

      nil ->
        []
    end
  end
end
