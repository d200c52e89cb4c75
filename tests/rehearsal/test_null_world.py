"""A world in which the wording changes nothing: what a search finds there is luck, and has to be called so."""

from __future__ import annotations

import hashlib
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from urllib.parse import urlsplit

import pytest

from tests.support.flow import Flow
from tests.support.settings import setting
from workbench.execution import runtimes
from workbench.execution.own.project import SHIPPED_PIPELINE
from workbench.judging import judge
from workbench.judging.template import default_template
from workbench.nouns import Engine, Goal, Pipeline
from workbench.providers import rehearsal
from workbench.rehearsal.server import start
from workbench.search.optimization import confirmation, optimization
from workbench.search.proposer import propose
from workbench.tasks.confirm import confirm

pytestmark = pytest.mark.processes

SEEDS = 20
GOLD = "# Plan\n\nSupervision first. Restart limits. Monitoring and telemetry. Rollback. Security review. Migration.\n"


def test_over_many_seeds_the_confirmed_difference_is_nought(tmp_path: Path) -> None:
    """The search's own numbers promise an improvement, the confirmation takes it back. Executed by the real runtime."""
    engine = Engine("serve")
    runtimes.runtime_of(engine).prepare()
    goal = Goal("one", "Write the plan for a safer release", (GOLD,))
    confirmed, promised, believed, port = [], [], 0, 0
    for seed in range(SEEDS):
        # Always at the same address: one VM executes all of it.
        with start(port=port, world="null", seed=seed) as running:
            port = urlsplit(running.url).port or 0
            made = setting(
                tmp_path,
                rehearsal(running.url, running.world, running.seed),
                f"run-{seed}",
                goals=(goal,),
                optimizer="gepa",
                budget=4,
                pipeline=Pipeline(
                    engine,
                    file=SHIPPED_PIPELINE,
                    sha256=hashlib.sha256(SHIPPED_PIPELINE.read_bytes()).hexdigest(),
                    timeout_seconds=30.0,
                ),
                template=default_template(),
            )
            flow = Flow(propose=propose, execute=lambda ask: runtimes.execute(ask, tmp_path), score=judge.score)
            found = flow.answer(optimization(made))
            trials = flow.answer(confirmation(made, found))
        comparison = confirm.fn(trials, *found.names)
        confirmed.append(comparison.difference)
        promised.append(found.best.score - found.baseline.score)
        believed += comparison.better
    runtimes.runtime_of(engine).close()
    assert abs(fmean(confirmed)) < 3 * stdev(confirmed) / sqrt(SEEDS)
    assert fmean(promised) > 0.5
    assert believed <= 1
