"""Test of the statistics in the null world, where the wording of a prompt changes nothing.

Every improvement that a search finds there is luck, and the confirmation must not report it as an improvement.
"""

from __future__ import annotations

import hashlib
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from urllib.parse import urlsplit

import pytest

from tests.support.flow import Flow
from tests.support.settings import setting
from workbench.evidence.statistics import compare
from workbench.execution import runtimes
from workbench.execution.own.project import SHIPPED_PIPELINE
from workbench.judging import judge
from workbench.judging.template import default_template
from workbench.nouns import Engine, Goal, Pipeline
from workbench.providers import rehearsal
from workbench.rehearsal.server import start
from workbench.search.fresh_trials import confirmation
from workbench.search.optimization import optimization
from workbench.search.proposer import propose

pytestmark = pytest.mark.processes

SEEDS = 10
GOLD = "# Plan\n\nSupervision first. Restart limits. Monitoring and telemetry. Rollback. Security review. Migration.\n"


def test_over_many_seeds_the_confirmed_difference_is_zero(tmp_path: Path) -> None:
    """The search's own scores show an improvement, but the confirmation does not. The real runtime executes both."""
    engine = Engine("serve")
    runtimes.runtime_of(engine).prepare()
    goal = Goal("one", "Write the plan for a safer release", (GOLD,))
    confirmed_differences, search_differences, called_better, port = [], [], 0, 0
    for seed in range(SEEDS):
        # The address stays the same, so one VM executes everything.
        with start(port=port, world="null", seed=seed) as running:
            port = urlsplit(running.url).port or 0
            run_setting = setting(
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
            flow = Flow(propose=propose, execute=lambda request: runtimes.execute(request, tmp_path), score=judge.score)
            outcome = flow.answer(optimization(run_setting))
            trials = flow.answer(confirmation(run_setting, outcome, [4], lambda: True))
        scores = [[trial.verdict.score for trial in trials if trial.candidate == name] for name in outcome.names]
        comparison = compare({"one": scores[0]}, {"one": scores[1]})
        confirmed_differences.append(comparison.decision.difference)
        search_differences.append(outcome.best.score - outcome.baseline.score)
        called_better += comparison.better
    runtimes.runtime_of(engine).close()
    assert abs(fmean(confirmed_differences)) < 3 * stdev(confirmed_differences) / sqrt(SEEDS)
    assert fmean(search_differences) > 0.5
    assert called_better <= 2
