{:ok, _} = Application.ensure_all_started(:pipeline)
ExUnit.start(timeout: 30_000)
