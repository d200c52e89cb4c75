"""The scripted judge draws criteria and answers them: better plans meet more, and the quotes are real."""

from __future__ import annotations

import json
from statistics import fmean

import pytest

from tests.rehearsal.test_roles import GOLD, PLAIN, plan
from workbench.judging import drawing, rubric
from workbench.judging.template import default_template
from workbench.models.reply import ModelCall
from workbench.nouns import DrawRequest, Goal, Judge, Plan, ScoreRequest
from workbench.providers import Provider
from workbench.rehearsal import roles
from workbench.rehearsal.craft import INSTRUCTIONS
from workbench.rehearsal.model_request import Message, ModelRequest, seeded_random
from workbench.scoring import Criterion
from workbench.search.leak import LeakGuard

JUDGE = Judge("m", Provider("gemini", "u", "rehearsal:default:0"), default_template("rubric.md"), method="rubric")


def answer(call: ModelCall) -> str:
    """Return the scripted answer to a call of the judge."""
    (message,) = call.messages
    request = ModelRequest("m", "", (Message(message[0], (message[1],)),), call.schema, call.seed)
    assert roles.role(request) == "judge"
    return roles.answer(request, "default", seeded_random(request.identity, str(call.seed)))


def drawn() -> tuple[Criterion, ...]:
    return drawing.read_criteria(answer(drawing.call_of(DrawRequest(Goal("g", "goal", (GOLD,)), JUDGE))))


def score(text: str, criteria: tuple[Criterion, ...], seed: int) -> float:
    goal = Goal("g", "goal", (GOLD,), criteria=criteria)
    reply = answer(rubric.call_of(ScoreRequest(goal, JUDGE, seed), Plan(text)))
    results, _ = rubric.read_answers(reply, criteria, text)
    assert not [result for result in results if result.unproved]
    return rubric.score_of(criteria, results)


@pytest.mark.slow
def test_a_prompt_with_the_instructions_meets_more_criteria() -> None:
    """The plain prompt is far below, so that a search has something to find. The gold plan itself is near the top."""
    criteria = drawn()
    plain = fmean(score(plan(PLAIN, seed), criteria, seed) for seed in range(10))
    rich = fmean(score(plan(" ".join([PLAIN, *INSTRUCTIONS[:16]]), seed), criteria, seed) for seed in range(10))
    assert plain + 2 < rich
    assert score(GOLD, criteria, 0) > 7


def test_the_criteria_do_not_quote_the_gold_plan() -> None:
    """The leak guard finds nothing in them."""
    texts = [criterion.name + criterion.question for criterion in drawn()]
    guard = LeakGuard([GOLD], ["goal"])
    assert [guard.without_gold(text) for text in texts] == texts


def test_a_criterion_of_a_person_is_answered_by_its_words() -> None:
    """A rubric may be edited."""
    criteria = (Criterion("alerts", "Does somebody get an alert for the billing queue?"),)
    plans = ("alert: the billing queue is full\n", "title: nothing\n")
    assert [fmean(score(text, criteria, seed) for seed in range(20)) for text in plans][1] == 0
    assert json.dumps([c.name for c in criteria])
