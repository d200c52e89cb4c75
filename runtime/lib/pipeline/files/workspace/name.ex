defmodule Pipeline.Files.Workspace.Name do
  @moduledoc """
  Checks paths in a workspace by their text alone, before any file is touched. A path has to be safe on every operating
  system that a run may be on.

      iex> Pipeline.Files.Workspace.Name.split("./notes/plan.md")
      {:ok, ["notes", "plan.md"]}
      iex> Pipeline.Files.Workspace.Name.split("notes/../secret")
      {:error, "has the name .. in it: nothing outside the workspace can be reached"}
  """

  @max_bytes 1024
  @max_name_bytes 255
  @max_names 32

  @temporary ".pipeline-tmp-"

  @doc """
  Return the names of the folders and the file in a path, or the reason why the path is refused.

  A leading `./` is left out. Any other detour, such as `a//b`, is refused, so that each file has one path.
  """
  @spec split(term()) :: {:ok, [String.t(), ...]} | {:error, String.t()}
  def split(path) when is_binary(path) do
    cond do
      byte_size(path) > @max_bytes -> {:error, "has more than #{@max_bytes} bytes"}
      not String.valid?(path) -> {:error, "is not UTF-8"}
      path == "" -> {:error, "is empty"}
      invisible?(path) -> {:error, "has a control character or an invisible character in it"}
      String.contains?(path, "\\") -> {:error, "has a backslash in it: separate folders by /"}
      true -> path |> String.replace_prefix("./", "") |> String.split("/") |> check()
    end
  end

  def split(_), do: {:error, "is not a text"}

  @doc "Return a new name for a file that is being written. `split/1` refuses every path with such a name."
  @spec temporary() :: String.t()
  def temporary, do: @temporary <> (12 |> :crypto.strong_rand_bytes() |> Base.encode16(case: :lower))

  defp check(["" | _]), do: {:error, "is absolute: expected a path relative to the workspace"}
  defp check(names) when length(names) > @max_names, do: {:error, "has more than #{@max_names} names in it"}

  defp check(names) do
    case Enum.find_value(names, &refusal/1) do
      nil -> {:ok, names}
      reason -> {:error, reason}
    end
  end

  defp refusal(""), do: "has an empty name in it, or ends with a slash"
  defp refusal("."), do: "has the name . in it"
  defp refusal(".."), do: "has the name .. in it: nothing outside the workspace can be reached"

  defp refusal(name) do
    cond do
      byte_size(name) > @max_name_bytes -> "has a name of more than #{@max_name_bytes} bytes"
      String.starts_with?(String.downcase(name), @temporary) -> "has a reserved name in it"
      String.ends_with?(name, [".", " "]) -> "has a name in it that ends with a dot or a space"
      String.contains?(name, ":") -> "has a colon in it"
      device?(name) -> "has the name of a device in it"
      true -> nil
    end
  end

  # Invisible characters, and characters that change the direction of writing, make two different names look the same.
  defp invisible?(path), do: path =~ ~r/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

  # Windows takes these names for devices, with any extension.
  defp device?(name), do: name =~ ~r/\A(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\z)/i
end
