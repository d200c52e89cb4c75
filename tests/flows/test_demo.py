"""Tests of script/demo on a machine without a Prefect server: the script starts a server, and can stop it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command_line import CHECKOUT, CommandLine

pytestmark = pytest.mark.processes

DEMO = CHECKOUT / "script" / "demo"


def test_the_demo_starts_a_server_and_says_how_to_stop_it(tmp_path: Path) -> None:
    """It takes the arguments of `workbench run`, and its database is under PREFECT_HOME."""
    line = CommandLine(tmp_path / "home", {"PREFECT_HOME": str(tmp_path / "prefect")})
    file = tmp_path / "report.json"
    result = line.run("--optimizer", "static", "--budget", "1", "--json", file, program=DEMO, cwd=tmp_path)
    try:
        assert result.exit_code == 0, result.stderr
        assert "script/demo --stop" in result.stdout
        report = json.loads(file.read_text())
        assert report["optimizer"] == "static"
        assert report["better"] is False
        assert report["best"]["candidate"] == report["baseline"]["candidate"]
        assert report["flow_run_url"] in result.stdout
        assert list((tmp_path / "prefect").glob("*.db"))
    finally:
        stopped = line.run("--stop", program=DEMO)
    assert "stopped" in stopped.stdout
    assert "no Prefect server was running" in line.run("--stop", program=DEMO).stdout


def test_the_demo_calls_real_models_only_with_a_key(tmp_path: Path) -> None:
    """With --live and without a key it ends with exit code 3, and starts no server."""
    result = CommandLine(tmp_path / "home").run("--live", program=DEMO)
    assert result.exit_code == 3
    assert "GEMINI_API_KEY" in result.stderr
    assert not (tmp_path / "home" / "server.json").exists()
