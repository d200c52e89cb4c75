:ok = Pipeline.CommandProcess.compile()
{:ok, _} = Application.ensure_all_started(:pipeline)
ExUnit.start(assert_receive_timeout: 15_000, timeout: 180_000)
