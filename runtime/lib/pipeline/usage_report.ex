defmodule Pipeline.UsageReport do
  @moduledoc "What the steps of a run used, and all of them, as it is told: of a result, and of an error as well."

  alias Pipeline.Model.Usage

  @type step :: %{
          name: String.t(),
          status: :done | :skipped | :failed,
          seconds: float(),
          usage: Usage.t()
        }

  @typedoc "The part of a result, or of an error, that says what was used."
  @type t :: %{:steps => [step()], :usage => Usage.t(), optional(atom()) => term()}

  @doc "For programs."
  @spec json(t()) :: %{steps: [map()], usage: map()}
  def json(%{steps: steps, usage: usage}),
    do: %{steps: for(step <- steps, do: %{step | usage: map(step.usage)}), usage: map(usage)}

  @doc "For people: a line for each step that called a model, and one for all of them."
  @spec lines(t()) :: [String.t()]
  def lines(%{steps: steps, usage: usage}) do
    case for(step <- steps, step.usage.calls > 0, do: "used by #{step.name}: #{words(step.usage)}") do
      [_, _ | _] = lines -> lines ++ ["used in all: #{words(usage)}"]
      lines -> lines
    end
  end

  defp words(usage) do
    calls = if usage.calls == 1, do: "1 call", else: "#{usage.calls} calls"
    "#{calls}, #{usage.input_tokens} tokens in, #{usage.output_tokens} out, #{cost(usage.cost)}"
  end

  defp cost(nil), do: "at a price that is not known"
  defp cost(dollars), do: "$" <> :erlang.float_to_binary(dollars, decimals: 4)

  defp map(%Usage{} = usage), do: Map.from_struct(usage)
end
