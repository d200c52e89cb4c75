"""`workbench doctor` checks everything that a study needs, and says how to fix what is missing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import FakeCheckout, checkout
from tests.support.command_line import CommandLine, CommandResult, study

pytestmark = pytest.mark.processes

NAMES = [
    "WORKBENCH_HOME", "gemini key", "checkout", "mix program", "Elixir version", "claude program", "claude login",
    "HOME", "SHELL", "user", "locale", "free disk", "git state", "checkout compiles",
]  # fmt: skip


@pytest.fixture
def fake(tmp_path: Path) -> FakeCheckout:
    """Return a checkout of pipeline_ex with scripted programs."""
    return checkout(tmp_path, "live_ok")


def doctor(fake: FakeCheckout, folder: Path, **environ: str) -> tuple[CommandResult, dict[str, Any], list[str]]:
    """Run `workbench doctor` on a study with this checkout. Return its end, its report, and what is missing."""
    file = study(folder / "study", runtime="pipeline_ex", checkout=str(fake.folder), pipeline=None)
    keys = json.loads(file.read_text())
    del keys["pipeline"]
    file.write_text(json.dumps(keys))
    path = f"{fake.bin}{os.pathsep}{os.environ['PATH']}"
    line = CommandLine(folder / "home", {"PATH": path, "GEMINI_API_KEY": "k", "SHELL": "/bin/sh", **environ})
    result = line.call("doctor", file, "--json", folder / "report.json")
    report = json.loads((folder / "report.json").read_text())
    return result, report, [check["name"] for check in report["checks"] if not check["there"]]


def test_everything_that_is_missing_is_reported_with_advice(fake: FakeCheckout, tmp_path: Path) -> None:
    """The exit code is 3. The report is printed and written as JSON."""
    (fake.folder / "mix.exs").unlink()
    (fake.bin / "claude").unlink(missing_ok=True)
    (fake.folder / "mix.exs").write_text('elixir: "~> 2.0"')
    (fake.folder / "lib/mix/tasks/pipeline.generate.ex").unlink()
    home = tmp_path / "nobody"
    result, report, missing = doctor(fake, tmp_path, HOME=str(home), SHELL="", GEMINI_API_KEY="")
    assert result.exit_code == 3
    assert [check["name"] for check in report["checks"]] == NAMES
    expected = {"gemini key", "checkout", "Elixir version", "claude login", "SHELL"}
    assert expected <= set(missing)
    assert report["ready"] is False
    assert all(bool(check["advice"]) != check["there"] for check in report["checks"])
    assert "MISSING  Elixir version: Mix 1.18.4, needed 2.0" in result.stdout
    assert "run `claude` once and log in" in result.stdout


def test_the_runtime_of_this_repository_checks_the_pipeline(tmp_path: Path) -> None:
    """It checks the whole pipeline file, as `workbench check` does."""
    file = study(tmp_path / "study", pipeline="wrong.yaml")
    (file.parent / "wrong.yaml").write_text("workflow:\n  name: x\n  steps:\n    - {name: a, type: gemni}\n")
    result = CommandLine(tmp_path / "home", {"GEMINI_API_KEY": "k"}).call("doctor", file)
    assert result.exit_code == 3
    assert "ok       runtime: pipeline" in result.stdout
    assert 'wrong.yaml:4: steps[0].type: "gemni" is not known' in result.stdout


def test_a_complete_machine_is_ready(fake: FakeCheckout, tmp_path: Path) -> None:
    """Only the user may be reported as missing, because a test cannot choose it. No key is printed."""
    (fake.bin / "claude").write_text("#!/bin/sh\n")
    (fake.bin / "claude").chmod(0o755)
    result, report, missing = doctor(fake, tmp_path, ANTHROPIC_API_KEY="sk-secret-secret")
    assert set(missing) <= {"user"}
    assert result.exit_code == (3 if missing else 0)
    assert report["ready"] == (not missing)
    assert "sk-secret-secret" not in result.stdout + json.dumps(report)
    assert len(fake.calls_of("compile")) == 1
