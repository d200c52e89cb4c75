defmodule Pipeline.Waiting do
  @moduledoc "For what happens elsewhere, and says nothing when it has. The test's own time-out bounds it."

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
