defmodule Pipeline.Serve.RunRequest do
  @moduledoc """
  What a client wants to be run: the body of `POST /runs`, checked.

    * `pipeline` - the text of a pipeline file
    * `name` - where that file stands, for messages and for the paths in it; `pipeline.yaml` by default
    * `prompt` - the variable `user_prompt`
    * `vars` - further variables, by name; either of the two has to be there
    * `inputs` - texts that the pipeline takes beside them, by name
    * `seed` - which sample of the model is meant
    * `timeout_ms` - for the whole run, a quarter of an hour by default
    * `key` - an order with the key of an earlier one is that one, and is not run again: all else has to be the same
  """

  alias Pipeline.{Error, Loader}

  @enforce_keys [:pipeline, :vars, :inputs, :seed, :timeout, :key, :digest]
  @derive {Inspect, only: [:seed, :timeout]}
  defstruct [:pipeline, :vars, :inputs, :seed, :timeout, :key, :digest]

  @type t :: %__MODULE__{
          pipeline: Pipeline.t(),
          vars: %{String.t() => term()},
          inputs: %{String.t() => {:text, String.t()}},
          seed: non_neg_integer() | nil,
          timeout: pos_integer(),
          key: String.t() | nil,
          digest: binary()
        }

  @known ~w(pipeline name prompt vars inputs seed timeout_ms key)
  @longest 86_400_000
  @default 900_000

  @spec read(map()) :: {:ok, t()} | {:error, Error.t()}
  def read(body) do
    with :ok <- only_known(body),
         {:ok, text} <- take(body, "pipeline", &text?/1, "the text of a pipeline file", nil),
         :ok <- there(text, "pipeline"),
         {:ok, name} <- take(body, "name", &text?/1, "a path", "pipeline.yaml"),
         {:ok, prompt} <- take(body, "prompt", &text?/1, "a text that is not blank", nil),
         {:ok, vars} <- take(body, "vars", &is_map/1, "values by name", %{}),
         :ok <- there(prompt || (vars != %{} && vars) || nil, "prompt"),
         {:ok, inputs} <- take(body, "inputs", &texts?/1, "texts by name", %{}),
         {:ok, seed} <- take(body, "seed", &(is_integer(&1) and &1 >= 0), "a whole number from 0", nil),
         {:ok, timeout} <-
           take(body, "timeout_ms", &(is_integer(&1) and &1 in 1..@longest), "1 to #{@longest}", @default),
         {:ok, key} <-
           take(body, "key", &(text?(&1) and byte_size(&1) <= 500), "a text of up to 500 bytes", nil),
         {:ok, pipeline} <- Loader.parse(text, name) do
      vars = if prompt, do: Map.put(vars, "user_prompt", prompt), else: vars

      {:ok,
       %__MODULE__{
         pipeline: pipeline,
         vars: vars,
         inputs: Map.new(inputs, fn {name, text} -> {name, {:text, text}} end),
         seed: seed,
         timeout: timeout,
         key: key,
         digest: :crypto.hash(:sha256, :erlang.term_to_binary({text, name, vars, inputs, seed, timeout}))
       }}
    end
  end

  defp only_known(body) do
    case Map.keys(body) -- @known do
      [] -> :ok
      [key | _] -> usage("the key #{inspect(key)} is not known, expected #{Enum.join(@known, ", ")}")
    end
  end

  defp take(body, key, good?, expected, default) do
    case body[key] do
      nil -> {:ok, default}
      value -> if good?.(value), do: {:ok, value}, else: usage("#{key}: expected #{expected}")
    end
  end

  defp there(nil, key), do: usage("the key #{key} is missing")
  defp there(_, _), do: :ok

  # The decoder does not look into its strings.
  defp text?(value), do: is_binary(value) and String.valid?(value) and String.trim(value) != ""

  defp texts?(value),
    do: is_map(value) and Enum.all?(value, fn {_, text} -> is_binary(text) and String.valid?(text) end)

  defp usage(message), do: {:error, Error.new(:usage, message)}
end
