defmodule Pipeline.Loader.Document do
  @moduledoc """
  Decodes the text of a YAML file to one mapping and its `Pipeline.Loader.Source`.

  The text may be any bytes. A text that the parser would change is refused, for example a key that occurs twice, or a number
  of more than 64 bits. Each problem has its line if the line is known.
  """

  alias Pipeline.Loader.Source
  alias Pipeline.Loader.Source.{Bounds, Scanner}

  @max_bytes 1_000_000
  @max_integer 9_223_372_036_854_775_807
  @min_integer -9_223_372_036_854_775_808

  @type problem :: {line :: pos_integer() | nil, String.t()}

  @doc "Return the largest size of a text, in bytes."
  @spec max_bytes() :: pos_integer()
  def max_bytes, do: @max_bytes

  @doc "Return the mapping and the source, or the problems of the first check that fails."
  @spec decode(binary()) :: {:ok, %{String.t() => term()}, Source.t()} | {:error, [problem()]}
  def decode(text) do
    with :ok <- check_bytes(text),
         # The parser gets the text only after these two checks, because some texts would end the VM in the parser.
         %Source{problems: []} = source <- Scanner.scan(text),
         nil <- Bounds.problem(text),
         {:ok, documents} <- parse(text, [:sane_scalars, :maps]),
         {:ok, root} <- one_mapping(documents),
         # Parse again, to lists of pairs. Unlike maps, they keep a key that occurs twice.
         {:ok, [pairs]} <- parse(text, [:sane_scalars]),
         [] <- faults(pairs, [], source) do
      {:ok, without_undefined(root), source}
    else
      %Source{problems: problems} -> {:error, problems}
      {:error, line, message} -> {:error, [{line, message}]}
      message when is_binary(message) -> {:error, [{nil, message}]}
      [_ | _] = problems -> {:error, problems}
    end
  end

  defp check_bytes(text) do
    cond do
      byte_size(text) > @max_bytes -> {:error, nil, "is larger than #{@max_bytes} bytes"}
      not String.valid?(text) -> {:error, nil, "is not UTF-8"}
      text =~ ~r/[\x00-\x08\x0B\x0C\x0E-\x1F\x7F]/ -> {:error, control_line(text), "has a control character"}
      true -> :ok
    end
  end

  defp control_line(text) do
    [before, _] = String.split(text, ~r/[\x00-\x08\x0B\x0C\x0E-\x1F\x7F]/, parts: 2)
    length(String.split(before, "\n"))
  end

  defp parse(text, options) do
    case :fast_yaml.decode(text, options) do
      {:ok, documents} -> {:ok, documents}
      {:error, {_, reason, line, _}} -> {:error, line + 1, "is not valid YAML: #{reason}"}
      {:error, _} -> {:error, nil, "is not valid YAML"}
    end
  end

  defp one_mapping([root]) when is_map(root), do: {:ok, root}
  defp one_mapping([]), do: {:error, nil, "is empty: expected one mapping"}
  defp one_mapping([_]), do: {:error, 1, "expected one mapping"}
  defp one_mapping(_), do: {:error, nil, "expected one YAML document, got several"}

  # Return what the parser would change silently. Mappings are lists of pairs here.
  defp faults([pair | _] = pairs, place, source) when is_tuple(pair) do
    {faults, _} =
      Enum.flat_map_reduce(pairs, MapSet.new(), fn {key, value}, earlier_keys ->
        {key_faults(key, place, earlier_keys, source) ++ faults(value, [key | place], source),
         MapSet.put(earlier_keys, key)}
      end)

    faults
  end

  defp faults(items, place, source) when is_list(items) do
    items
    |> Enum.with_index()
    |> Enum.flat_map(fn {item, index} -> faults(item, [index | place], source) end)
  end

  # The parser replaces a larger number by the largest one, without an error.
  defp faults(number, place, source) when number in [@max_integer, @min_integer],
    do: [{Source.line_of(source, place), "#{name(place)}: a whole number of more than 64 bits: quote it"}]

  defp faults(_, _, _), do: []

  defp key_faults(key, place, earlier_keys, source) do
    cond do
      not is_binary(key) ->
        [{Source.line_of(source, place), "#{name(place)}: a key is not a text"}]

      key in earlier_keys ->
        [{Source.line_of(source, [key | place]), "#{name([key | place])}: the key occurs twice"}]

      true ->
        []
    end
  end

  @doc "Return the name of a place for messages: `steps[3].prompt[1]`, or `workflow.defaults` outside of the steps."
  @spec name(Source.place()) :: String.t()
  def name(place) do
    segments =
      case Enum.reverse(place) do
        ["workflow", "steps", index | rest] -> ["steps", index | rest]
        segments -> segments
      end

    Enum.reduce(segments, "", fn
      index, "" when is_integer(index) -> "[#{index}]"
      key, "" -> key
      index, path when is_integer(index) -> "#{path}[#{index}]"
      key, path when is_binary(key) -> "#{path}.#{key}"
      _, path -> path
    end)
  end

  # The parser returns `:undefined` for null.
  defp without_undefined(:undefined), do: nil
  defp without_undefined(list) when is_list(list), do: Enum.map(list, &without_undefined/1)

  defp without_undefined(map) when is_map(map),
    do: Map.new(map, fn {key, value} -> {key, without_undefined(value)} end)

  defp without_undefined(scalar), do: scalar
end
