"""Tests of a Prefect server that dies during a run."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
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

#: Loses its server after the last line of a flow, before Prefect sends the final state.
LOSE = """
import os, signal, sys
from prefect import flow
from workbench.tasks.alive import alive

@flow(name="loses its server")
def lose():
    with alive():
        pass
    os.killpg(int(sys.argv[1]), signal.SIGKILL)

lose()
"""


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


@pytest.mark.services
def test_a_run_whose_final_state_never_reached_the_server_is_marked(tmp_path: Path, own_port: dict[str, str]) -> None:
    """Its process ends by itself, and the server that is started again still shows the run as running."""
    line = CommandLine(tmp_path / "home", {**new_database(tmp_path / "home" / "prefect"), **own_port})
    assert line.run("server").exit_code == 0
    try:
        server = json.loads((line.home / "server.json").read_text())
        impatient = line.having(PREFECT_API_URL=server["url"], PREFECT_CLIENT_MAX_RETRIES="0")
        result = impatient.run("-c", LOSE, server["pid"], program=Path(sys.executable))
        assert (result.exit_code, "ConnectError" in result.stderr) == (1, True), result.stderr
        restarted = line.run("server")
        assert restarted.stderr.count("marked as crashed: ") == 1, restarted.stderr
        assert list((line.home / "flow-runs").iterdir()) == []
    finally:
        line.run("server", "--stop")
