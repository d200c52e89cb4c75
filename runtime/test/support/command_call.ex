defmodule Pipeline.CommandCall do
  @moduledoc "Calls a command in the VM of the tests, as Mix does."

  import ExUnit.Assertions
  import ExUnit.Callbacks
  import ExUnit.CaptureIO

  alias Pipeline.ScriptedProvider

  @greeting """
  workflow:
    name: greeting
    description: says hello
    colour: blue
    steps:
      - name: hello
        type: gemini
        output_to_file: texts/hello.md
        prompt:
          - {type: static, content: "Say hello to:"}
          - {type: variable, name: who}
      - name: note
        type: file_ops
        operation: write
        path: note.md
        content: [{type: previous_response, step: hello}]
      - name: rating
        type: claude_extract
        schema: {type: object, properties: {score: {type: integer}}}
        prompt: [{type: previous_response, step: hello}]
  """

  @type t :: %{status: non_neg_integer(), stdout: String.t(), stderr: String.t(), last: String.t() | nil}

  @doc "Return the text of a pipeline with a step of each kind and one key that causes a warning."
  @spec greeting() :: String.t()
  def greeting, do: @greeting

  @doc "Call a command. Return its exit status, both streams, and the last line of standard error."
  @spec command(module(), [String.t()]) :: t()
  def command(task, arguments) do
    status = make_ref()

    stderr =
      capture_io(:stderr, fn ->
        stdout =
          capture_io(fn ->
            code =
              try do
                task.run(arguments)
                0
              catch
                :exit, {:shutdown, code} -> code
              end

            send(self(), {status, code})
          end)

        send(self(), {status, :stdout, stdout})
      end)

    assert_received {^status, code}
    assert_received {^status, :stdout, stdout}

    %{
      status: code,
      stdout: stdout,
      stderr: stderr,
      last: stderr |> String.split("\n", trim: true) |> List.last()
    }
  end

  @doc "Write a file into the folder and return its path."
  @spec file(Path.t(), String.t(), binary()) :: Path.t()
  def file(folder, name, text) do
    path = Path.join(folder, name)
    File.write!(path, text)
    path
  end

  @doc "Start a scripted provider for the test."
  @spec provider([ScriptedProvider.answer()]) :: pid()
  def provider(answers), do: start_supervised!({ScriptedProvider, answers})

  @doc "Return the options that make a command ask this scripted provider."
  @spec rehearsal(pid()) :: [String.t()]
  def rehearsal(server), do: ["--rehearsal", ScriptedProvider.url(server)]
end
