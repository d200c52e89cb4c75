defmodule Mix.Tasks.Pipeline.Serve do
  @shortdoc "Runs pipelines for clients over HTTP"

  @moduledoc """
  Runs pipelines for clients over HTTP, many at once in one VM. `Pipeline.Serve` describes the protocol.

      mix pipeline.serve --token-file FILE [--port N] [--bind ADDRESS]

  Standard output has one line, `✅ Serving at http://ADDRESS:PORT`. It appears as soon as the server accepts requests.

  ## Options

    * `--token-file FILE` - the file with the token that clients have to send. Only its owner may be able to read the file
      (chmod 600). Anyone who has the token can execute pipelines as this user, with this user's keys and with the files
      that this user can read
    * `--port N` - the port. The default is 0, which means any free port
    * `--bind ADDRESS` - the address to listen at. The default is 127.0.0.1. At any other address the token travels
      unencrypted
    * `--limit N` - how many runs may be under way at once. The default is 64. A request for one more is answered with 429
    * `--drain-seconds N` - how long runs may go on after SIGTERM. The default is 30
    * `--until-stdin-closes` - end as after SIGTERM when standard input closes. It closes when the process that started the
      server is gone

  ## Environment

  See `mix help pipeline.generate.live`.

  ## Exit status

  After SIGTERM the server refuses new runs. Runs under way may end, and clients may read their results.

    * 0 - all runs ended in time
    * 143 - some runs were cut off
    * 1 - the server failed
    * 2 - the user has to change something

  An error goes to standard error, whose last line is then `❌ KIND: message`.
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
    with :ok <- check_no_words(words),
         :ok <- check_ranges(options),
         {:ok, ip} <- parse_address(options[:bind] || "127.0.0.1"),
         {:ok, token} <- read_token(options[:token_file]),
         # Each run reads the environment again. Report a wrong value now, not at the first run.
         {:ok, _} <- Options.settings([]) do
      serve(ip, token, options)
    end
  end

  # Serve until the server crashes. SIGTERM ends the VM before this function returns.
  @spec serve(:inet.ip_address(), Token.t(), keyword()) :: {:error, Error.t()}
  defp serve(ip, token, options) do
    open_requests = :counters.new(1, [:write_concurrency])

    server_options = [
      ip: ip,
      port: options[:port] || 0,
      token: token,
      limit: options[:limit] || 64,
      open_requests: open_requests
    ]

    # Do not crash with the server, but get a message if it does not start or crashes. Then the command can print an error line.
    Process.flag(:trap_exit, true)

    with {:ok, server, port} <- Serve.start_link(server_options) do
      drain_arguments = [options[:drain_seconds] || 30, open_requests]
      Signals.install({Drain, :end_vm, drain_arguments})
      if options[:until_stdin_closes], do: spawn(fn -> end_when_stdin_closes(drain_arguments) end)
      warn_unless_loopback(ip)
      IO.puts("✅ Serving at http://#{host(ip)}:#{port}")

      receive do
        {:EXIT, ^server, _} ->
          {:error, Error.new(:crashed, "the server crashed and its runs are lost: start it again")}
      end
    end
  end

  defp end_when_stdin_closes(drain_arguments) do
    case IO.binread(:stdio, :line) do
      line when is_binary(line) -> end_when_stdin_closes(drain_arguments)
      _ -> apply(Drain, :end_vm, drain_arguments)
    end
  end

  defp warn_unless_loopback({127, _, _, _}), do: :ok
  defp warn_unless_loopback({0, 0, 0, 0, 0, 0, 0, 1}), do: :ok

  defp warn_unless_loopback(ip),
    do:
      IO.puts(
        :stderr,
        "warning: #{:inet.ntoa(ip)} is not a loopback address: the token, prompts and plans travel unencrypted"
      )

  defp host(ip) when tuple_size(ip) == 8, do: "[#{:inet.ntoa(ip)}]"
  defp host(ip), do: to_string(:inet.ntoa(ip))

  defp check_no_words([]), do: :ok
  defp check_no_words([word | _]), do: Command.usage_error("#{inspect(word)}: expected options only")

  defp check_ranges(options) do
    {port, limit, seconds} = {options[:port] || 0, options[:limit] || 1, options[:drain_seconds] || 0}

    cond do
      port not in 0..65_535 -> Command.usage_error("--port #{port}: expected 0 to 65535")
      limit < 1 -> Command.usage_error("--limit #{limit}: expected a whole number from 1")
      seconds < 0 -> Command.usage_error("--drain-seconds #{seconds}: expected a whole number from 0")
      true -> :ok
    end
  end

  defp parse_address(text) do
    case text |> to_charlist() |> :inet.parse_strict_address() do
      {:ok, ip} -> {:ok, ip}
      {:error, _} -> Command.usage_error("--bind #{text}: expected an IP address, such as 127.0.0.1")
    end
  end

  defp read_token(nil),
    do:
      Command.usage_error(
        "--token-file FILE is missing: name a file with the token that clients have to send"
      )

  defp read_token(file), do: file |> Path.expand() |> Token.read()
end
