"""Test of a Prefect server that dies during a run, and stays dead."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, study, wait_for
from tests.support.prefect_database import new_database

pytestmark = pytest.mark.processes

#: The whole standard error of the run. Prefect prints nothing between our lines, and nothing in the middle of one.
ONLY_OURS = (
    r"small: copro, at most 20 executions\n"
    r"(search  [0-9a-f]{12} · only · 0: \d+\.\d\n)+"
    r"the Prefect server does not answer at http://127\.0\.0\.1:\d+/api \(.+\); "
    r"start it again, and run the same command again\n"
    r"all paid results are kept, and the same command continues the run\n"
)


@pytest.mark.parametrize("end", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.services)])
def test_a_run_whose_server_dies_or_hangs_ends_soon(
    tmp_path: Path, own_port: dict[str, str], end: signal.Signals
) -> None:
    """The exit code is 3, the message names the server, and no kept answer is paid for again."""
    line = CommandLine(tmp_path / "home", {**new_database(tmp_path / "home" / "prefect"), **own_port})
    assert line.run("server").exit_code == 0
    file = study(tmp_path / "study", optimizer="copro", budget=12, concurrency=2)
    try:
        with line.rehearsing(latency=1.0) as (rehearsal_line, rehearsal):
            process = rehearsal_line.start("run", file, "--rehearse")
            wait_for(lambda: len(line.results("score")) >= 1)
            # From now on, no answer comes. So the run cannot end by itself before it misses its server.
            rehearsal.latency = 600.0
            os.killpg(json.loads((line.home / "server.json").read_text())["pid"], end)
            start = time.monotonic()
            out, err = process.communicate(timeout=200)
            # Half a minute is usual. A busy machine takes longer.
            assert time.monotonic() - start < 150
            assert (process.returncode, out) == (3, "")
            assert re.fullmatch(ONLY_OURS, err), err
    finally:
        line.run("server", "--stop")
