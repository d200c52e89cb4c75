defmodule Pipeline.Model.Provider.ClaudeProgram.Failures do
  @moduledoc """
  Classifies the failures of the `claude` program by the list in `priv/claude_program/failures.json`.

  Each entry of the list has the kind of the failure, the code by which the program's messages name it (`error`), and the
  words by which its results and its standard error do. `again` says that another try may help. The order counts: the
  first entry that fits decides. A limit of a subscription is a rate limit that lasts: it passes after hours or days.
  """

  alias Pipeline.Error

  @file_name Path.expand("../../../../../priv/claude_program/failures.json", __DIR__)
  @external_resource @file_name

  @list @file_name
        |> File.read!()
        |> :jiffy.decode([:return_maps, :use_nil])
        |> Enum.map(fn entry ->
          %{
            kind: String.to_atom(entry["kind"]),
            again: if(entry["again"], do: :soon, else: :never),
            code: entry["code"],
            words: entry["words"] && Regex.compile!(entry["words"], "is")
          }
        end)

  # A reply that is only the text of an error, which the program reports as a success.
  @error_reply ~r/\A\s*(API Error: ?(\d{3}\b|[A-Z])|Credit balance is too low|Not logged in\b|Prompt is too long|You've (hit|reached) your .{0,40}limit)/
  @longest_error_reply 2_000

  @doc "Return the kind of a failure by the program's code for it, and by its words. Words decide first, because they are more precise."
  @spec kind(String.t() | nil, String.t()) :: {Error.kind(), Error.again()}
  def kind(code, words) do
    entry =
      Enum.find(@list, &(&1.words != nil and words =~ &1.words)) ||
        Enum.find(@list, &(code != nil and &1.code == code))

    if entry, do: {entry.kind, entry.again}, else: {:provider_unavailable, :never}
  end

  @doc "Return true for a result that is the text of an error, even if the program reports a success."
  @spec error_reply?(String.t()) :: boolean()
  def error_reply?(text), do: byte_size(text) < @longest_error_reply and text =~ @error_reply
end
