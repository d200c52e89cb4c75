defmodule Mix.Tasks.Pipeline.Serve do
  @shortdoc "Runs pipelines for clients, over HTTP"

  @moduledoc """
  Runs many pipelines in one VM, over HTTP; `Pipeline.Serve` has the protocol.

      mix pipeline.serve --token-file FILE [--port N] [--bind ADDRESS]

  Standard output is one line, `✅ Serving at http://ADDRESS:PORT`, as soon as requests are taken.

  ## Options

    * `--token-file FILE` - the token that clients have to bear, in a file that only its owner can read (chmod 600).
      Whoever has it can have pipelines executed as this user, with its keys and the files that it can read
    * `--port N` - 0 by default, which means a free one
    * `--bind ADDRESS` - where to listen, 127.0.0.1 by default. Elsewhere the token travels unencrypted
    * `--limit N` - runs at once, 64 by default; one more is answered with 429
    * `--drain-seconds N` - how long runs may go on after SIGTERM, 30 by default
    * `--until-stdin-closes` - end when whoever started this is gone, as after SIGTERM

  ## Environment

  As for `mix pipeline.generate.live`.

  ## Exit status

  After SIGTERM new runs are refused, and those under way may end and be read: 0 if all did, 143 if some were cut off.
  1 if it failed, 2 if something has to be changed by the user. An error goes to standard error, its last line is
  `❌ KIND: message`.
  """

  use Mix.Task

  alias Pipeline.{Command, Error, Serve}
  alias Pipeline.Command.Options
  alias Pipeline.Serve.{Drain, Token}
  alias Pipeline.System.Signals

  @switches [
    token_file: :string,
    port: :integer,
    bind: :string,
    limit: :integer,
    drain_seconds: :integer,
    until_stdin_closes: :boolean
  ]

  @impl true
  def run(arguments), do: Command.main(__MODULE__, arguments, @switches, &serve/2)

  defp serve(options, words) do
    with :ok <- no_words(words),
         :ok <- in_range(options),
         {:ok, ip} <- address(options[:bind] || "127.0.0.1"),
         {:ok, token} <- token(options[:token_file]),
         # Each run reads the environment anew, and is to find it in order.
         {:ok, _} <- Options.settings([]) do
      serve(ip, token, options)
    end
  end

  @spec serve(:inet.ip_address(), Token.t(), keyword()) :: {:error, Error.t()}
  defp serve(ip, token, options) do
    busy = :counters.new(1, [:write_concurrency])
    where = [ip: ip, port: options[:port] || 0, token: token, limit: options[:limit] || 64, busy: busy]

    # A server that does not come up, or goes down, is told in words.
    Process.flag(:trap_exit, true)

    with {:ok, server, port} <- Serve.start_link(where) do
      drain = [options[:drain_seconds] || 30, busy]
      Signals.install({Drain, :end_vm, drain})
      if options[:until_stdin_closes], do: spawn(fn -> until_stdin_closes(drain) end)
      warn_of(ip)
      IO.puts("✅ Serving at http://#{host(ip)}:#{port}")

      receive do
        {:EXIT, ^server, _} -> {:error, Error.new(:crashed, "the server crashed, and what ran is lost")}
      end
    end
  end

  defp until_stdin_closes(drain) do
    case IO.binread(:stdio, :line) do
      line when is_binary(line) -> until_stdin_closes(drain)
      _ -> apply(Drain, :end_vm, drain)
    end
  end

  defp warn_of({127, _, _, _}), do: :ok
  defp warn_of({0, 0, 0, 0, 0, 0, 0, 1}), do: :ok

  defp warn_of(ip),
    do:
      IO.puts(
        :stderr,
        "warning: #{:inet.ntoa(ip)} is no loopback address: token, prompts and plans travel unencrypted"
      )

  defp host(ip) when tuple_size(ip) == 8, do: "[#{:inet.ntoa(ip)}]"
  defp host(ip), do: to_string(:inet.ntoa(ip))

  defp no_words([]), do: :ok
  defp no_words([word | _]), do: Command.usage("#{inspect(word)} is not expected here")

  defp in_range(options) do
    cond do
      (options[:port] || 0) not in 0..65_535 -> Command.usage("--port: expected 0 to 65535")
      (options[:limit] || 1) < 1 -> Command.usage("--limit: expected a whole number from 1")
      (options[:drain_seconds] || 0) < 0 -> Command.usage("--drain-seconds: expected a whole number from 0")
      true -> :ok
    end
  end

  defp address(text) do
    case text |> to_charlist() |> :inet.parse_strict_address() do
      {:ok, ip} -> {:ok, ip}
      {:error, _} -> Command.usage("--bind #{text}: expected an IP address, such as 127.0.0.1")
    end
  end

  defp token(nil), do: Command.usage("--token-file FILE is missing: a token that clients have to bear")
  defp token(file), do: file |> Path.expand() |> Token.read()
end
