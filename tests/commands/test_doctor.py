"""`workbench doctor`: each thing that a study with a checkout needs, and what to do where it is missing."""

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
    return checkout(tmp_path, "live_ok")


def doctor(fake: FakeCheckout, folder: Path, **environ: str) -> tuple[CommandResult, dict[str, Any], list[str]]:
    file = study(folder / "study", runtime="pipeline_ex", checkout=str(fake.folder), pipeline=None)
    said = json.loads(file.read_text())
    del said["pipeline"]
    file.write_text(json.dumps(said))
    path = f"{fake.bin}{os.pathsep}{os.environ['PATH']}"
    line = CommandLine(folder / "home", {"PATH": path, "GEMINI_API_KEY": "k", "SHELL": "/bin/sh", **environ})
    ended = line.run("doctor", file, "--json", folder / "found.json")
    found = json.loads((folder / "found.json").read_text())
    return ended, found, [one["name"] for one in found["checks"] if not one["there"]]


def test_everything_that_is_missing_is_told_with_what_to_do(fake: FakeCheckout, tmp_path: Path) -> None:
    """Exit code 3, in words and as JSON."""
    (fake.folder / "mix.exs").unlink()
    (fake.bin / "claude").unlink(missing_ok=True)
    (fake.folder / "mix.exs").write_text('elixir: "~> 2.0"')
    (fake.folder / "lib/mix/tasks/pipeline.generate.ex").unlink()
    home = tmp_path / "nobody"
    ended, found, missing = doctor(fake, tmp_path, HOME=str(home), SHELL="", GEMINI_API_KEY="")
    assert ended.exit_code == 3
    assert [one["name"] for one in found["checks"]] == NAMES
    expected = {"gemini key", "checkout", "Elixir version", "claude login", "SHELL"}
    assert expected <= set(missing)
    assert found["ready"] is False
    assert all(bool(one["advice"]) != one["there"] for one in found["checks"])
    assert "MISSING  Elixir version: Mix 1.18.4, wanted 2.0" in ended.stdout
    assert "run `claude` once and log in" in ended.stdout


def test_the_runtime_of_this_repository_looks_at_the_pipeline(tmp_path: Path) -> None:
    """All of it, which the study's own check cannot."""
    file = study(tmp_path / "study", pipeline="wrong.yaml")
    (file.parent / "wrong.yaml").write_text("workflow:\n  name: x\n  steps:\n    - {name: a, type: gemni}\n")
    ended = CommandLine(tmp_path / "home", {"GEMINI_API_KEY": "k"}).run("doctor", file)
    assert ended.exit_code == 3
    assert "ok       runtime: pipeline" in ended.stdout
    assert 'wrong.yaml:4: steps[0].type: "gemni" is not known' in ended.stdout


def test_a_machine_that_has_all_is_ready(fake: FakeCheckout, tmp_path: Path) -> None:
    """But for the user, which a test cannot choose."""
    (fake.bin / "claude").write_text("#!/bin/sh\n")
    (fake.bin / "claude").chmod(0o755)
    ended, found, missing = doctor(fake, tmp_path, ANTHROPIC_API_KEY="sk-secret-secret")
    assert set(missing) <= {"user"}
    assert ended.exit_code == (3 if missing else 0)
    assert found["ready"] == (not missing)
    assert "sk-secret-secret" not in ended.stdout + json.dumps(found)
    assert len(fake.calls_of("compile")) == 1
