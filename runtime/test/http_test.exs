defmodule Pipeline.HTTPTest do
  use ExUnit.Case, async: false

  alias Pipeline.{Error, HTTP, ScriptedProvider}

  defp post(server, timeout \\ 5_000),
    do: HTTP.post_json(ScriptedProvider.url(server) <> "/v1", [{"x-api-key", "secret"}], %{a: "ü"}, timeout)

  test "64 calls at once do not wait for each other" do
    server = start_supervised!({ScriptedProvider, List.duplicate({:after, 400, {200, %{ok: true}}}, 64)})
    begun = System.monotonic_time(:millisecond)

    done =
      1..64 |> Task.async_stream(fn _ -> post(server, 20_000) end, max_concurrency: 64, timeout: :infinity)

    assert Enum.all?(done, &(&1 == {:ok, {:ok, %{"ok" => true}}}))
    # One after the other, or two at a time, they would take more than 12 seconds.
    assert System.monotonic_time(:millisecond) - begun < 5_000
  end

  test "calls leave no process behind" do
    server = start_supervised!({ScriptedProvider, List.duplicate({200, %{}}, 200)})
    for _ <- 1..20, do: {:ok, _} = post(server)
    before = length(Process.list())
    for _ <- 1..180, do: {:ok, _} = post(server)
    assert eventually(fn -> length(Process.list()) <= before + 5 end)
    assert Process.info(self(), :message_queue_len) == {:message_queue_len, 0}
  end

  test "a call whose process was ended lets go of its connection" do
    server = start_supervised!({ScriptedProvider, [:hang]})
    before = handlers()
    {pid, ended} = spawn_monitor(fn -> post(server) end)
    assert eventually(fn -> ScriptedProvider.requests(server) != [] end)
    assert handlers() > before
    Process.exit(pid, :kill)
    assert_receive {:DOWN, ^ended, :process, _, :killed}
    assert eventually(fn -> handlers() == before end)
  end

  test "an address that is none is an error, without the key in it" do
    for url <- ["nowhere", "http://127.0.0.1:1/v1", "ftp://x"] do
      assert {:error, %Error{kind: :provider_unavailable} = error} =
               HTTP.post_json(url, [{"x-api-key", "secret"}], %{}, 500)

      refute inspect(error) =~ "secret"
    end
  end

  defp handlers, do: :httpc_handler_sup |> Supervisor.which_children() |> length()

  defp eventually(holds?, tries \\ 200) do
    holds?.() or (tries > 0 and Process.sleep(10) == :ok and eventually(holds?, tries - 1))
  end
end
