defmodule Pipeline.Waiting do
  @moduledoc "Waits for a condition that sends no message. The time-out of the test limits the wait."

  @doc "Call `done?` every 10 milliseconds until it returns true."
  @spec until((() -> boolean())) :: :ok
  def until(done?) do
    if done?.() do
      :ok
    else
      Process.sleep(10)
      until(done?)
    end
  end
end
