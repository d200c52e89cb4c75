"""Runs that are killed, and runs whose surroundings fail, buy nothing twice and end as undisturbed runs do."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.survival import Case, disturbed, kill, most_unfinished, undisturbed

pytestmark = pytest.mark.processes


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "case",
    [
        Case("gepa", 4),
        Case("race", 1),
        *(
            pytest.param(Case(optimizer, threads), marks=pytest.mark.services)
            for optimizer, threads in [("gepa", 1), ("mipro", 1), ("mipro", 4), ("copro", 1), ("copro", 4), ("race", 4)]
        ),
    ],
    ids=lambda case: f"{case.optimizer}-{case.threads}",
)
def test_a_run_that_is_killed_buys_nothing_twice_and_ends_as_undisturbed(
    line: CommandLine, server: dict[str, str], tmp_path: Path, case: Case
) -> None:
    """Executions, proposals and verdicts are counted where they are bought. script/soak kills each case 20 times."""
    study = case.study(tmp_path / "study")
    reference = undisturbed(case, CommandLine(tmp_path / "undisturbed", server), study)
    seed = random.randrange(10**6)
    survival = disturbed(line, study, reference, random.Random(seed), kill)
    assert (survival.bought_twice, survival.equal) == (0, True), (seed, survival)
    assert 0 <= survival.unfinished <= most_unfinished(case), (seed, survival)
