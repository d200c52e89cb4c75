"""A search that has used up its dollars ends like one that has used up its executions."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.flow import TOPICS, Flow, judge, pipeline
from tests.support.settings import setting
from workbench.errors import BudgetUsedUp
from workbench.money.purse import Confirmation, Purse, opened
from workbench.nouns import Execution, ExecutionRequest, Plan, ScoreRequest, Verdict
from workbench.run import journal
from workbench.run.race_record import RaceRecord
from workbench.run.record import SearchResult
from workbench.run.setting import Setting
from workbench.search.fresh_trials import confirmation
from workbench.search.optimization import optimization
from workbench.search.outcome import SearchOutcome
from workbench.search.proposal import Proposal, ProposalRequest

LARGEST = {"execute": 0.10, "score": 0.05, "propose": 0.03}
USUAL = {"execute": 0.02, "score": 0.01, "propose": 0.005}
NEEDED = Confirmation({"execute": 6, "score": 6}, USUAL)


A = TypeVar("A")


class Paid:
    """Models that cost money. They are called within the run's purse, as the real ones are."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()

    def execute(self, request: ExecutionRequest) -> Execution:
        return self._buy("execute", request.run, request.key, lambda: pipeline(request))

    def score(self, request: ScoreRequest, plan: Plan) -> Verdict:
        return self._buy("score", request.run, request.key(plan), lambda: judge(request, plan))

    def propose(self, request: ProposalRequest) -> Proposal:
        topic = TOPICS[int(request.key[:8], 16) % len(TOPICS)]
        fields = {
            "edits": json.dumps([{"action": "add", "text": f"Write about {topic}."}]),
            "proposed_instruction": f"Cover {topic}, {request.key[:6]}",
            "proposed_prefix_for_output_field": "Plan:",
        }
        text = "".join(f"[[ ## {name} ## ]]\n{value}\n\n" for name, value in fields.items())
        return self._buy("propose", request.run, request.key, lambda: Proposal(f"{text}[[ ## completed ## ]]"))

    def _buy(self, action: journal.Action, run: Path | None, key: str, answer: Callable[[], A]) -> A:
        with journal.attempt(run, action, key) as meter:
            with meter.call(action, LARGEST[action]):
                meter.charge(action, USUAL[action])
            with self._lock:
                self.calls[action] += 1
            return answer()


def search(search_setting: Setting, purse: Purse, paid: Paid) -> SearchOutcome:
    flow = Flow(propose=paid.propose, execute=paid.execute, score=paid.score)
    with opened(search_setting.run.path, purse):
        return flow.answer(optimization(search_setting))


def confirm(search_setting: Setting, purse: Purse, paid: Paid, outcome: SearchOutcome) -> int:
    flow = Flow(execute=paid.execute, score=paid.score)
    with opened(search_setting.run.path, purse):
        return len(flow.answer(confirmation(search_setting, outcome, [3], lambda: True)))


def test_a_search_that_has_used_up_its_dollars_has_a_result_that_is_confirmed(tmp_path: Path) -> None:
    """Nothing is overshot, and what the confirmation needs is left. The journal has the money of every call."""
    search_setting, purse, paid = setting(tmp_path, optimizer="copro", budget=400), Purse(0.6, 0, NEEDED), Paid()
    flow = Flow(propose=paid.propose, execute=paid.execute, score=paid.score)
    with opened(search_setting.run.path, purse):
        outcome = flow.answer(optimization(search_setting))
        searched = paid.calls["execute"]
        confirmed = len(flow.answer(confirmation(search_setting, outcome, [3], lambda: True)))
    assert (outcome.ended, outcome.used_up) == ("budget", "dollars")
    assert search_setting.run.load(SearchResult).used_up == "dollars"
    assert 3 <= searched < 15
    assert confirmed == (6 if outcome.best.candidate != outcome.baseline.candidate else 3)
    calls = journal.read(search_setting.run.path)
    known = sum(call.cost.known for call in calls if call.cost)
    assert {call.kind for call in calls} == {"ok"}
    assert known == pytest.approx(purse.spent, abs=1e-6)
    assert known <= 0.6


@pytest.mark.slow
def test_a_race_that_has_used_up_its_dollars_keeps_what_it_would_choose(tmp_path: Path) -> None:
    """What was paid for counts, although the race did not come to its end."""
    search_setting, purse = setting(tmp_path, optimizer="race", budget=400), Purse(1.0, 0, NEEDED)
    outcome = search(search_setting, purse, Paid())
    assert (outcome.ended, outcome.used_up) == ("budget", "dollars")
    assert outcome.best.candidate != outcome.baseline.candidate
    steps = search_setting.run.load(RaceRecord).steps
    assert outcome.best.candidate.name in {step.candidate for step in steps}


def test_a_search_with_enough_dollars_ends_by_its_executions(tmp_path: Path) -> None:
    search_setting, purse, paid = setting(tmp_path, optimizer="copro", budget=6), Purse(50.0, 0, NEEDED), Paid()
    outcome = search(search_setting, purse, paid)
    assert (outcome.used_up, outcome.spent) == ("executions", 6)


def test_a_budget_that_is_used_up_before_the_baseline_is_no_result(tmp_path: Path) -> None:
    """The message says what to do. Nothing was bought."""
    search_setting, purse, paid = setting(tmp_path, optimizer="copro"), Purse(0.05), Paid()
    with pytest.raises(BudgetUsedUp, match=r"was used up before the starting prompt was tried on every goal"):
        search(replaced(search_setting), purse, paid)
    assert not paid.calls


def replaced(search_setting: Setting) -> Setting:
    """Return the setting with the budget in its study, for the message."""
    return replace(search_setting, study=replace(search_setting.study, dollars=0.05))


def test_a_confirmation_that_runs_out_of_dollars_is_no_result(tmp_path: Path) -> None:
    """Its trials are kept, so the same command buys only what is missing."""
    search_setting, paid = replaced(setting(tmp_path, optimizer="copro", budget=6)), Paid()
    outcome = search(search_setting, Purse(50.0), paid)
    before = paid.calls["execute"]
    with pytest.raises(BudgetUsedUp, match="before the result was confirmed"):
        confirm(search_setting, Purse(0.2), paid, outcome)
    assert paid.calls["execute"] - before < 6
