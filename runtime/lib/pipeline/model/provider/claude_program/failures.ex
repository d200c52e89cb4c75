defmodule Pipeline.Model.Provider.ClaudeProgram.Failures do
  @moduledoc """
  Classifies the failures of the `claude` program by the list in `priv/claude_program/failures.json`.

  Each entry of the list has these keys:

    * `kind` - the kind of the failure
    * `code` - the code in the key `error` of the program's messages, or null
    * `words` - a regular expression for the program's results and its standard error, or null
    * `again` - true if another try may succeed

  The first entry that fits decides. A limit of a subscription is a rate limit that lasts: it passes after hours or days.
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
            retry: if(entry["again"], do: :soon, else: :never),
            code: entry["code"],
            words: entry["words"] && Regex.compile!(entry["words"], "is")
          }
        end)

  # The program sometimes reports a success whose result is only the text of an error. Such a text begins like this.
  @error_reply ~r/\A\s*(API Error: ?(\d{3}\b|[A-Z])|Credit balance is too low|Not logged in\b|Prompt is too long|You've (hit|reached) your .{0,40}limit)/
  @max_error_reply_bytes 2_000

  @doc """
  Return the kind of a failure, and when to retry, from the program's code and its words.

  The words decide first, because they are more precise. A failure that is not in the list is `:provider_unavailable`.
  """
  @spec kind(String.t() | nil, String.t()) :: {Error.kind(), Error.retry()}
  def kind(code, words) do
    entry =
      Enum.find(@list, &(&1.words != nil and words =~ &1.words)) ||
        Enum.find(@list, &(code != nil and &1.code == code))

    if entry, do: {entry.kind, entry.retry}, else: {:provider_unavailable, :never}
  end

  @doc "Return true if a result is only the text of an error."
  @spec error_reply?(String.t()) :: boolean()
  def error_reply?(text), do: byte_size(text) < @max_error_reply_bytes and text =~ @error_reply
end
