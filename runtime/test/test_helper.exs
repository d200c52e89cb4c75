{:ok, _} = Application.ensure_all_started(:pipeline)
# The command's tests start mix on the same build, which may compile it anew while others run.
:ok = :code.ensure_modules_loaded(Application.spec(:pipeline, :modules))
ExUnit.start(assert_receive_timeout: 5_000, timeout: 30_000)
