"""Test of a study whose runtime keeps one Erlang VM running (`runtime: serve`)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, study, wait_for
from tests.support.processes import beams

# One more variant of a whole run. tests/execution/own/test_serve.py kills a warm VM, too.
pytestmark = [pytest.mark.processes, pytest.mark.services]


def test_a_killed_vm_does_not_change_the_studys_result(line: CommandLine, tmp_path: Path) -> None:
    """The report equals that of a run with a VM for each execution. Each execution counts once, and no VM is left."""
    settings = {"optimizer": "copro", "budget": 5, "concurrency": 8}
    served = study(tmp_path / "served", runtime="serve", **settings)
    with line.rehearsing(latency=0.5) as (rehearsal_line, rehearsal):
        process = rehearsal_line.start("run", served, "--rehearse", "--json", line.home / "report.json")
        wait_for(lambda: len(line.results("execute")) >= 3)
        (vm,) = beams(process.pid)
        os.kill(vm, signal.SIGKILL)
        _, err = process.communicate(timeout=400)
        assert process.returncode == 0, err
        assert not Path(f"/proc/{vm}").exists()
        report = rehearsal_line.report()
        assert report["failures"] == {}
        rehearsal.latency = 0.0
        other_line = CommandLine(tmp_path / "another home", rehearsal_line.environ)
        result, expected = other_line.optimize(study(tmp_path / "mix", runtime="mix", **settings), "--rehearse")
    assert result.exit_code == 0, result.stderr
    for one_report in (report, expected):
        best = one_report["best"]
        best["prompt"] = Path(best.pop("prompt_file")).read_text()
    for name in ("best", "baseline", "better", "executions", "failures", "cache_hits"):
        assert report[name] == expected[name], name
