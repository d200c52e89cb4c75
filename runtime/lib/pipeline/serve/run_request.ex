defmodule Pipeline.Serve.RunRequest do
  @moduledoc """
  Reads and checks the body of `POST /runs`.

      {"pipeline": "workflow: …", "prompt": "Find the anti-patterns", "key": "first"}

  | key | meaning |
  | --- | --- |
  | `pipeline` | the text of a pipeline file |
  | `name` | the path of that file, for messages and for the relative paths in it; `pipeline.yaml` by default |
  | `prompt` | the value of the variable `user_prompt` |
  | `vars` | the values of other variables, by name |
  | `inputs` | the texts of the pipeline's inputs, by name |
  | `seed` | the seed for the providers that take one |
  | `timeout_ms` | the time limit of the whole run; a quarter of an hour by default |
  | `key` | a name for this request, of up to 500 bytes |

  `pipeline` is required, and so is `prompt` or `vars`. If a client sends a request with the `key` of an earlier request, it gets
  the earlier run, and nothing is executed twice. All other values have to be the same as in the earlier request.
  """

  alias Pipeline.{Error, Loader}

  @enforce_keys [:pipeline, :vars, :inputs, :seed, :timeout, :key, :digest]
  @derive {Inspect, only: [:seed, :timeout]}
  defstruct [:pipeline, :vars, :inputs, :seed, :timeout, :key, :digest]

  @typedoc "`digest` is a hash of all values except for `key`. `timeout` is in milliseconds."
  @type t :: %__MODULE__{
          pipeline: Pipeline.t(),
          vars: %{String.t() => term()},
          inputs: %{String.t() => {:text, String.t()}},
          seed: non_neg_integer() | nil,
          timeout: pos_integer(),
          key: String.t() | nil,
          digest: binary()
        }

  @known_keys ~w(pipeline name prompt vars inputs seed timeout_ms key)
  @max_timeout_ms 86_400_000
  @default_timeout_ms 900_000

  @doc "Return the request, or the first error in the body."
  @spec read(map()) :: {:ok, t()} | {:error, Error.t()}
  def read(body) do
    with :ok <- check_keys(body),
         {:ok, values} <- read_values(body),
         {:ok, pipeline} <- Loader.parse(values.text, values.name) do
      {:ok, new(pipeline, values)}
    end
  end

  defp new(pipeline, %{inputs: inputs, seed: seed, timeout: timeout} = values) do
    vars = if values.prompt, do: Map.put(values.vars, "user_prompt", values.prompt), else: values.vars
    identity = {values.text, values.name, vars, inputs, seed, timeout}

    %__MODULE__{
      pipeline: pipeline,
      vars: vars,
      inputs: Map.new(inputs, fn {name, text} -> {name, {:text, text}} end),
      seed: seed,
      timeout: timeout,
      key: values.key,
      digest: :crypto.hash(:sha256, :erlang.term_to_binary(identity))
    }
  end

  defp read_values(body) do
    timeout_range = "a whole number from 1 to #{@max_timeout_ms}"

    with {:ok, text} <- take(body, "pipeline", &text?/1, "the text of a pipeline file", nil),
         :ok <- check_pipeline(text),
         {:ok, name} <- take(body, "name", &text?/1, "a path", "pipeline.yaml"),
         {:ok, prompt} <- take(body, "prompt", &text?/1, "a text that is not blank", nil),
         {:ok, vars} <- take(body, "vars", &is_map/1, "values by name", %{}),
         :ok <- check_prompt(prompt, vars),
         {:ok, inputs} <- take(body, "inputs", &texts?/1, "texts by name", %{}),
         {:ok, seed} <- take(body, "seed", &(is_integer(&1) and &1 >= 0), "a whole number from 0", nil),
         {:ok, timeout} <- take(body, "timeout_ms", &timeout?/1, timeout_range, @default_timeout_ms),
         {:ok, key} <-
           take(body, "key", &(text?(&1) and byte_size(&1) <= 500), "a text of up to 500 bytes", nil) do
      {:ok,
       %{
         text: text,
         name: name,
         prompt: prompt,
         vars: vars,
         inputs: inputs,
         seed: seed,
         timeout: timeout,
         key: key
       }}
    end
  end

  defp check_keys(body) do
    case Map.keys(body) -- @known_keys do
      [] ->
        :ok

      [key | _] ->
        usage_error("the key #{inspect(key)} is not known, expected one of #{Enum.join(@known_keys, ", ")}")
    end
  end

  # Return the value of a key, or the default if the key is missing.
  defp take(body, key, valid?, expectation, default) do
    case body[key] do
      nil -> {:ok, default}
      value -> if valid?.(value), do: {:ok, value}, else: usage_error("#{key}: expected #{expectation}")
    end
  end

  defp check_pipeline(nil), do: usage_error("the key pipeline is missing")
  defp check_pipeline(_), do: :ok

  defp check_prompt(nil, vars) when vars == %{},
    do: usage_error("the key prompt is missing, and so is vars: give one of them")

  defp check_prompt(_, _), do: :ok

  defp timeout?(value), do: is_integer(value) and value in 1..@max_timeout_ms

  # The JSON decoder does not check that strings are UTF-8.
  defp text?(value), do: is_binary(value) and String.valid?(value) and String.trim(value) != ""

  defp texts?(value),
    do: is_map(value) and Enum.all?(value, fn {_, text} -> is_binary(text) and String.valid?(text) end)

  defp usage_error(message), do: {:error, Error.new(:usage, message)}
end
