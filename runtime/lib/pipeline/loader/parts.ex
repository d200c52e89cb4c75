defmodule Pipeline.Loader.Parts do
  @moduledoc "The parts of a prompt, and of a text that a file operation writes."

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

  @typedoc "`earlier` has the steps that may be referred to, and whether their answers have places in them."
  @type context :: %{
          :folder => Path.t(),
          :earlier => %{String.t() => :text | :structured | :unknown},
          optional(atom()) => term()
        }

  @spec read(term(), Source.place(), context()) :: {[Ask.part()], [Note.t()]}
  def read(parts, place, context) when is_list(parts) and parts != [] do
    {parts, notes} =
      parts
      |> Enum.with_index()
      |> Enum.map(fn {part, index} -> part(part, [index | place], context) end)
      |> Enum.unzip()

    {parts, List.flatten(notes)}
  end

  def read(text, place, _) when is_binary(text) do
    {[],
     [
       Note.error(
         place,
         "is a text, expected a list of parts: write it as `- type: static` with `content`, and what it takes from " <>
           "elsewhere as parts of type variable, file or previous_response"
       )
     ]}
  end

  def read(other, place, _),
    do: {[], [Note.error(place, "expected a list of at least one part#{Note.got(other)}")]}

  @spec part(term(), Source.place(), context()) :: {Ask.part() | nil, [Note.t()]}
  def part(%{"type" => type}, place, _) when is_map_key(@refused, type),
    do: {nil, [Note.error(["type" | place], "#{inspect(type)} is not supported: #{@refused[type]}")]}

  def part(%{"type" => type} = part, place, context) when is_map_key(@specifications, type) do
    {values, notes} = Fields.read(part, place, [type: :text] ++ @specifications[type])

    if Enum.any?(notes, &match?({:error, _, _}, &1)) do
      {nil, notes}
    else
      {made, more} = make(type, values, place, context)
      {made, notes ++ more}
    end
  end

  # Which keys belong to a part cannot be said where its type is not known.
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
      # The one way that pipeline_ex has to name a file from outside.
      [_, name] -> {{:input, name, values.optional || false}, []}
      nil -> file(path, values, place, context)
    end
  end

  defp make("file", _, place, _), do: {nil, [Note.error(place, "takes input or path, not both")]}

  defp make("previous_response", values, place, context) do
    with {:ok, kind} <- earlier(values.step, context),
         {:ok, path} <- extract(values.extract, kind) do
      part = {:previous_response, values.step, path}
      {if(values.optional, do: {:optional, part}, else: part), []}
    else
      {key, message} -> {nil, [Note.error([key | place], message)]}
    end
  end

  defp file(path, values, place, context) do
    cond do
      path =~ "{{" ->
        {nil,
         [
           Note.error(
             ["path" | place],
             "{{…}} is not evaluated: name the whole file from outside, with input"
           )
         ]}

      values.optional != nil ->
        {nil, [Note.error(["optional" | place], "only an input, or the answer of a step, may be optional")]}

      true ->
        {{:file, Path.expand(path, context.folder)}, []}
    end
  end

  @doc "The step, if there is one of that name before this one."
  @spec earlier(String.t(), context()) :: {:ok, :text | :structured | :unknown} | {String.t(), String.t()}
  def earlier(step, context) do
    case context.earlier do
      %{^step => kind} ->
        {:ok, kind}

      earlier ->
        near = Note.nearest(step, Map.keys(earlier))
        {"step", "no step before this one is named #{inspect(step)}#{near}"}
    end
  end

  defp extract(nil, _), do: {:ok, []}

  defp extract(text, kind) do
    case Extract.parse(text) do
      {:ok, path} when kind != :text ->
        {:ok, path}

      {:ok, _} ->
        {"extract", "that step answers with a text, which has no places: have it answer by a schema"}

      :error ->
        {"extract", "expected a place such as a.b[0]#{Note.got(text)}"}
    end
  end

  @doc "A warning of the first `{{…}}` in a text, which is sent as it stands."
  @spec placeholders(String.t() | nil, Source.place()) :: [Note.t()]
  def placeholders(nil, _), do: []

  def placeholders(text, place) do
    case Regex.run(~r/\{\{[^{}\n]{0,80}\}\}/u, text) do
      [found] ->
        [
          Note.warning(
            place,
            "#{found} is sent as it stands: values are parts of their own, of type variable"
          )
        ]

      nil ->
        []
    end
  end
end
