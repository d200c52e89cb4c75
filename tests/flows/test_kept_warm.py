"""A study whose runtime is kept warm, as a user runs it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, study, wait_for
from tests.support.processes import beams

pytestmark = pytest.mark.processes


def test_the_vm_is_killed_in_the_middle_and_the_study_ends_as_it_would_have(line: CommandLine, tmp_path: Path) -> None:
    """With the same numbers as a VM for each execution gives, each execution counted once, and no VM left."""
    same = {"optimizer": "copro", "budget": 8, "concurrency": 8}
    served = study(tmp_path / "served", runtime="serve", **same)
    with line.rehearsing(latency=0.5) as (pointed, rehearsal):
        running = pointed.start("run", served, "--rehearse", "--json", line.home / "report.json")
        wait_for(lambda: len(line.results("execute")) >= 3)
        (killed,) = beams(running.pid)
        os.kill(killed, signal.SIGKILL)
        _, err = running.communicate(timeout=120)
        assert running.returncode == 0, err
        assert not Path(f"/proc/{killed}").exists()
        report = pointed.report()
        assert report["failures"] == {}
        rehearsal.latency = 0.0
        elsewhere = CommandLine(tmp_path / "another home", pointed.environ)
        ended, expected = elsewhere.optimize(study(tmp_path / "mix", **same), "--rehearse")
    assert ended.exit_code == 0, ended.stderr
    for found in (report, expected):
        found["best"]["prompt"] = Path(found["best"].pop("prompt_file")).read_text()
    for name in ("best", "baseline", "better", "executions", "failures", "cache_hits"):
        assert report[name] == expected[name], name
