defmodule Pipeline.Model.Tools do
  @moduledoc """
  Runs the file tools that a step may allow a model: Read, Write, Edit and List. They work in the run's workspace.

  The result of each call is a text for the model. If the model made a mistake, the text says how to correct it.
  """

  alias Pipeline.Files.Workspace
  alias Pipeline.Model.Schema

  # A longer file would fill a model's context by itself.
  @max_read_bytes 400_000

  @path %{
    "type" => "string",
    "description" => "Relative to the workspace, with / between names: notes/plan.md"
  }
  @tools %{
    "Read" => {"The whole text of a file.", %{"path" => @path}},
    "Write" =>
      {"Writes a file: a new one, with the folders on its way, or the whole of one that is there.",
       %{"path" => @path, "content" => %{"type" => "string"}}},
    "Edit" =>
      {"Replaces one text in a file. The old text has to stand there exactly once, letter by letter.",
       %{"path" => @path, "old_text" => %{"type" => "string"}, "new_text" => %{"type" => "string"}}},
    "List" =>
      {"The paths of all files in a folder and below it; . is the whole workspace.", %{"path" => @path}}
  }

  @doc "Return the names of all tools."
  @spec names() :: [String.t()]
  def names, do: Map.keys(@tools)

  @doc "Return the declaration of a tool for a model: its name, its purpose, and the schema of its input."
  @spec declaration(String.t()) :: %{name: String.t(), description: String.t(), schema: map()}
  def declaration(name) do
    {description, _} = Map.fetch!(@tools, name)
    %{name: name, description: description, schema: schema(name)}
  end

  @doc "Run a tool that a model calls, and return the text for the model."
  @spec call(Workspace.t(), String.t(), term()) :: {:ok | :error, String.t()}
  def call(%Workspace{} = workspace, name, input) when is_map_key(@tools, name) do
    case Schema.validate(input, schema(name)) do
      :ok -> run(workspace, name, input)
      {:error, problems} -> {:error, "#{name} was not called: #{Enum.join(problems, "; ")}"}
    end
  end

  def call(_, name, _), do: {:error, "there is no tool #{inspect(name)}, only #{Enum.join(names(), ", ")}"}

  defp schema(name) do
    {_, properties} = @tools[name]

    %{
      "type" => "object",
      "properties" => properties,
      "required" => Map.keys(properties),
      "additionalProperties" => false
    }
  end

  defp run(workspace, "Read", %{"path" => path}) do
    with {:ok, text} <- Workspace.read(workspace, path) do
      if byte_size(text) > @max_read_bytes,
        do:
          {:error, "#{path} has #{byte_size(text)} bytes: no more than #{@max_read_bytes} are read at once"},
        else: {:ok, text}
    end
  end

  defp run(workspace, "Write", %{"path" => path, "content" => content}) do
    with :ok <- Workspace.write(workspace, path, content), do: {:ok, "#{path} was written"}
  end

  defp run(workspace, "Edit", %{"path" => path, "old_text" => old, "new_text" => new}) do
    with :ok <- Workspace.edit(workspace, path, old, new), do: {:ok, "#{path} was changed"}
  end

  defp run(workspace, "List", %{"path" => path}) do
    case Workspace.list(workspace, path) do
      {:ok, []} -> {:ok, "there are no files"}
      {:ok, files} -> {:ok, Enum.join(files, "\n")}
      {:error, reason} -> {:error, reason}
    end
  end
end
