defmodule Pipeline.ArchitectureTest do
  @moduledoc """
  Tests that no two modules refer to each other. `mix xref` sees calls and structs only. This test sees types as well.
  """

  use ExUnit.Case, async: true

  test "the references between modules form no cycle, types included" do
    assert :digraph_utils.cyclic_strong_components(graph()) == []
  end

  test "the path of a module's file is the beginning of the module's name" do
    for module <- modules(),
        "Pipeline" <> _ <- [inspect(module)],
        [_, file] <- [String.split(source(module), "/lib/")] do
      assert String.starts_with?(letters(inspect(module)), file |> Path.rootname() |> letters())
    end
  end

  defp letters(name), do: name |> String.downcase() |> String.replace(["_", ".", "/"], "")

  defp graph do
    graph = :digraph.new()
    modules = MapSet.new(modules())
    Enum.each(modules, &:digraph.add_vertex(graph, &1))

    for from <- modules,
        to <- references(from),
        to != from,
        to in modules,
        do: :digraph.add_edge(graph, from, to)

    graph
  end

  defp modules, do: Application.spec(:pipeline, :modules)

  defp source(module), do: to_string(module.module_info(:compile)[:source])

  # Calls, structs and types all name a module by an atom.
  defp references(module) do
    {_, beam, _} = :code.get_object_code(module)
    {:ok, {_, abstract_code: {:raw_abstract_v1, forms}}} = :beam_lib.chunks(beam, [:abstract_code])
    forms |> Enum.reject(&names_own_module?/1) |> atoms() |> Enum.uniq()
  end

  defp names_own_module?(form),
    do: match?({:attribute, _, name, _} when name in [:file, :module, :export], form)

  defp atoms(atom) when is_atom(atom), do: [atom]
  defp atoms([head | tail]), do: atoms(head) ++ atoms(tail)
  defp atoms(tuple) when is_tuple(tuple), do: tuple |> Tuple.to_list() |> atoms()
  defp atoms(map) when is_map(map), do: map |> Map.to_list() |> atoms()
  defp atoms(_), do: []
end
