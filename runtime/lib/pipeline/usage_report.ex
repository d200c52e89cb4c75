defmodule Pipeline.UsageReport do
  @moduledoc "Reports the calls and tokens of a run, by step and in total. A result and an error have the same report."

  alias Pipeline.Model.Usage

  @type step :: %{
          name: String.t(),
          status: :done | :skipped | :failed,
          seconds: float(),
          usage: Usage.t()
        }

  @typedoc "A result or an error. Both have the steps and the usage of a run."
  @type t :: %{:steps => [step()], :usage => Usage.t(), optional(atom()) => term()}

  @doc "Return the steps and the usage as maps, to be encoded as JSON."
  @spec json(t()) :: %{steps: [map()], usage: map()}
  def json(%{steps: steps, usage: usage}),
    do: %{
      steps: for(step <- steps, do: %{step | usage: Map.from_struct(step.usage)}),
      usage: Map.from_struct(usage)
    }

  @doc "Return lines for people: one line for each step that called a model, and one for all steps."
  @spec lines(t()) :: [String.t()]
  def lines(%{steps: steps, usage: usage} = run) do
    lines =
      case for(step <- steps, step.usage.calls > 0, do: "used by #{step.name}: #{words(step.usage)}") do
        [_, _ | _] = lines -> lines ++ ["used in all: #{words(usage)}"]
        lines -> lines
      end

    lines ++ Enum.map(substitutions(run), &"warning: #{&1}")
  end

  @doc "Return a sentence for each step whose answer came from another model than the step asked."
  @spec substitutions(t()) :: [String.t()]
  def substitutions(%{steps: steps}) do
    for step <- steps, {asked, answered} <- Usage.substitutions(step.usage) do
      "step #{step.name}: asked the model #{asked}, and #{answered} answered"
    end
  end

  defp words(usage) do
    calls = if usage.calls == 1, do: "1 call", else: "#{usage.calls} calls"
    models = usage.models |> Enum.map(& &1.model) |> Enum.uniq() |> Enum.join(", ")

    counts =
      for {kind, label} <- [
            input_tokens: "input tokens",
            cached_input_tokens: "cached input tokens",
            cache_write_tokens: "tokens written to the cache",
            output_tokens: "output tokens",
            thought_tokens: "thought tokens"
          ],
          count = Map.fetch!(usage, kind),
          count > 0 or kind in [:input_tokens, :output_tokens],
          do: "#{count} #{label}"

    Enum.join(["#{calls} of #{models}" | counts], ", ")
  end
end
