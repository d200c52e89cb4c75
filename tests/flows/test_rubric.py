"""A rubric is drawn by calls that are retried, priced and kept like every other call of a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.command_line import CommandLine, CommandResult, study
from workbench.study.opening import RunOptions, load
from workbench.study.rubric import DRAWN_IN_REHEARSAL

pytestmark = pytest.mark.processes


def drawn(line: CommandLine, file: Path, *options: str) -> tuple[CommandResult, dict[str, Any]]:
    output = file.with_name("out.json")
    result = line.run("rubric", file, "--rehearse", "--json", output, *options)
    assert result.exit_code == 0, result.stderr
    return result, json.loads(output.read_text())


def test_the_command_draws_a_rubric_once(line: CommandLine, tmp_path: Path) -> None:
    """The study can use the new file as its rubric at once.

    A second rubric needs --force, because it replaces a person's changes. Criteria that were drawn from
    the same gold plans cost nothing a second time, unless --again asks the model again.
    """
    folder = tmp_path / "study"
    file = study(folder, judge={"method": "rubric"}, optimizer="static")
    result, value = drawn(line, file)
    assert 5 <= len(value["goals"]["only"]) <= 15
    assert (value["drawn_by"], value["calls"], value["used"]) == (DRAWN_IN_REHEARSAL, 1, True)
    rubric = folder / "small.rubric.yaml"
    assert value["goals"] == yaml.safe_load(rubric.read_text())["goals"]
    assert len(load(RunOptions(file)).goals[0].criteria) == len(value["goals"]["only"])
    assert "REHEARSAL: asking gemini/gemini-4-argon once" in result.stderr
    rubric.write_text("edited: badly")
    refused = line.call("rubric", file, "--rehearse")
    assert (refused.exit_code, "exists already" in refused.stderr, "--force" in refused.stderr) == (2, True, True)
    result, repeated = drawn(line, file, "--force")
    assert repeated == {**value, "calls": 0}
    assert "nothing was paid; --again asks the model again" in result.stdout
    study(folder, optimizer="static")
    result, other = drawn(line, file, "--force", "--again")
    assert (other["calls"], other["used"], len(line.results("draw"))) == (1, False, 2)
    assert "the judge does not use it yet: set judge: {method: rubric}" in result.stdout
    listed = line.call("ledger", "--json", folder / "ledger.json")
    assert listed.exit_code == 0, listed.stderr
    (total,) = json.loads((folder / "ledger.json").read_text())
    assert (total["kind"], total["runs"], total["verdicts"]) == ("rubric", 1, 0)
    assert total["dollars"] > 0
