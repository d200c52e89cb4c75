"""script/demo on a machine that runs no Prefect server: it starts one, says how to stop it, and stops it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command_line import CHECKOUT, CommandLine

pytestmark = pytest.mark.processes

DEMO = CHECKOUT / "script" / "demo"


def test_the_demo_brings_its_own_server_and_says_how_to_stop_it(tmp_path: Path) -> None:
    """Its arguments are those of `workbench run`; its database is where PREFECT_HOME says."""
    line = CommandLine(tmp_path / "home", {"PREFECT_HOME": str(tmp_path / "prefect")})
    report = tmp_path / "report.json"
    ended = line.run("--optimizer", "static", "--budget", "1", "--json", report, program=DEMO, cwd=tmp_path)
    try:
        assert ended.exit_code == 0, ended.stderr
        assert "script/demo --stop" in ended.stdout
        told = json.loads(report.read_text())
        assert told["optimizer"] == "static"
        assert told["better"] is False
        assert told["best"]["candidate"] == told["baseline"]["candidate"]
        assert told["flow_run_url"] in ended.stdout
        assert list((tmp_path / "prefect").glob("*.db"))
    finally:
        stopped = line.run("--stop", program=DEMO)
    assert "stopped" in stopped.stdout
    assert "no Prefect server was running" in line.run("--stop", program=DEMO).stdout


def test_the_demo_calls_real_models_only_when_it_is_told_to(tmp_path: Path) -> None:
    """And not without a key."""
    ended = CommandLine(tmp_path / "home").run("--live", program=DEMO)
    assert ended.exit_code == 3
    assert "GEMINI_API_KEY" in ended.stderr
    assert not (tmp_path / "home" / "server.json").exists()
