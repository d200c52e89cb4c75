defmodule Pipeline.Files.Workspace.Name do
  @moduledoc """
  Which texts may name a file of a workspace, on any system that a run may be on: decided by the text alone, before any
  file is looked at.
  """

  @most_bytes 1024
  @most_in_one 255
  @most_folders 32

  @temporary ".pipeline-tmp-"

  @doc "The names that a path is made of. A leading `./` is taken off; every other name for the same file is refused."
  @spec split(term()) :: {:ok, [String.t(), ...]} | {:error, String.t()}
  def split(path) when is_binary(path) do
    cond do
      byte_size(path) > @most_bytes -> {:error, "has more than #{@most_bytes} bytes"}
      not String.valid?(path) -> {:error, "is not UTF-8"}
      path == "" -> {:error, "is empty"}
      hidden?(path) -> {:error, "has a control character or an invisible one in it"}
      String.contains?(path, "\\") -> {:error, "has a backslash in it: folders are told apart by /"}
      true -> path |> String.replace_prefix("./", "") |> String.split("/") |> check()
    end
  end

  def split(_), do: {:error, "is no text"}

  @doc "A new name that no path can name, for a file that is being written."
  @spec temporary() :: String.t()
  def temporary, do: @temporary <> (12 |> :crypto.strong_rand_bytes() |> Base.encode16(case: :lower))

  defp check(["" | _]), do: {:error, "is absolute: a path in the workspace is relative"}
  defp check(names) when length(names) > @most_folders, do: {:error, "has more than #{@most_folders} folders"}

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
      byte_size(name) > @most_in_one -> "has a name of more than #{@most_in_one} bytes"
      String.starts_with?(String.downcase(name), @temporary) -> "has a reserved name in it"
      String.ends_with?(name, [".", " "]) -> "has a name in it that ends with a dot or a space"
      String.contains?(name, ":") -> "has a colon in it"
      device?(name) -> "has the name of a device in it"
      true -> nil
    end
  end

  # Invisible characters and those that turn the direction of writing make two names look like one.
  defp hidden?(path), do: path =~ ~r/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

  # Windows takes these for devices, with whatever ending.
  defp device?(name), do: name =~ ~r/\A(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\z)/i
end
