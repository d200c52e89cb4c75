"""A search in the rehearsal finds a prompt that reads like a prompt."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.flow import Flow
from tests.support.settings import STUDY, setting
from workbench.evidence.statistics import compare_in_steps
from workbench.judging import judge
from workbench.judging.template import default_template
from workbench.nouns import Execution, ExecutionRequest, Goal, InputFile
from workbench.providers import rehearsal
from workbench.rehearsal import roles
from workbench.rehearsal.craft import INSTRUCTIONS
from workbench.rehearsal.model_request import Message, ModelRequest, seeded_random
from workbench.rehearsal.server import start
from workbench.run.record import LeakRecord
from workbench.search.fresh_trials import confirmation
from workbench.search.optimization import optimization
from workbench.search.proposer import propose

pytestmark = pytest.mark.processes

EXAMPLE = Path(__file__).parents[2] / "examples/otp_refactor"
GOLD = (EXAMPLE / "JULY_1_2025_PRE_PHASE_2_OTP_report_01.md").read_text()
CODEBASE = EXAMPLE / "codebase.xml"
PLAIN = "Write the plan that the goal asks for."


def generate(request: ExecutionRequest) -> Execution:
    """Return the scripted generator's plan, without a runtime around it."""
    call = ModelRequest("m", "", (Message("user", (request.prompt,)),), None, request.replicate)
    return Execution(request.key, roles.answer(call, "default", seeded_random(request.key)), Path(), 0.0)


@pytest.mark.parametrize("optimizer", ["gepa", "race"])
def test_the_example_finds_a_better_prompt_without_the_gold_plans_words(tmp_path: Path, optimizer: str) -> None:
    """The example's budget is enough. The winner has the proposer's sentences only. The leak guard refuses nothing."""
    goal = Goal("otp", "Analyze this Elixir codebase for OTP anti-patterns", (GOLD,))
    codebase = InputFile("codebase", CODEBASE, hashlib.sha256(CODEBASE.read_bytes()).hexdigest())
    with start(seed=0) as running:
        run = setting(
            tmp_path,
            rehearsal(running.url, running.world, running.seed),
            goals=(goal,),
            optimizer=optimizer,
            budget=24,
            prompt=PLAIN,
            template=default_template(),
            pipeline=replace(STUDY.pipeline, inputs=(codebase,)),
        )
        flow = Flow(propose=propose, execute=generate, score=judge.score)
        outcome = flow.answer(optimization(run))
        trials = flow.answer(confirmation(run, outcome, [8], lambda: True))
    baseline, best = (
        {"otp": [trial.verdict.score for trial in trials if trial.candidate == name]} for name in outcome.names
    )
    comparison = compare_in_steps(baseline, best, pairs=8, alpha=0.05)
    assert comparison is not None
    assert comparison.outcome == "better"
    assert outcome.spent <= 24
    assert run.run.lines(LeakRecord) == []
    rest = outcome.best.candidate.text.removeprefix(PLAIN)
    assert sum(sentence in rest for sentence in INSTRUCTIONS) > 3
    for sentence in INSTRUCTIONS:
        rest = rest.replace(sentence, "")
    assert not rest.strip()
