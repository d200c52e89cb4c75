"""Tests of the rehearsal through the clients that production uses."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import dspy
import pytest
from dspy.propose.grounded_proposer import generate_instruction_class
from dspy.teleprompt.copro_optimizer import BasicGenerateInstruction, GenerateInstructionGivenAttempts
from dspy.teleprompt.gepa.instruction_proposal import ProposeInstruction
from dspy.teleprompt.simba_utils import OfferFeedback

from tests.support import patient
from workbench.errors import NotJudged, ProposalFailed
from workbench.judging.judge import score
from workbench.judging.template import default_template
from workbench.nouns import Goal, Judge, Plan, ScoreRequest
from workbench.provider_table import ProviderName
from workbench.providers import rehearsal
from workbench.rehearsal.server import Rehearsal, start
from workbench.search.proposal import ProposalRequest
from workbench.search.proposer import propose

pytestmark = pytest.mark.processes

GOAL = Goal(
    "g", "migrate the database", ("# Migration\n## Rollback\nrollback rollback\n## Backfill\nbackfill backfill",)
)


@pytest.fixture(scope="module")
def running() -> Iterator[Rehearsal]:
    with start(seed=3) as rehearsal_server:
        yield rehearsal_server


def scoring(running: Rehearsal, text: str = "rollback: yes", replicate: int = 0) -> tuple[ScoreRequest, Plan]:
    """Return the arguments of `score` for a plan with this text."""
    provider = rehearsal(running.url, running.world, running.seed)["gemini"]
    judge = Judge("gemini-4-argon", provider, default_template())
    return ScoreRequest(GOAL, judge, replicate), Plan(text)


def proposal(running: Rehearsal, provider: ProviderName = "gemini", **changes: Any) -> ProposalRequest:
    """Return a request to the proposer, with these changes."""
    providers = rehearsal(running.url, running.world, running.seed)
    request = ProposalRequest(
        model=f"{provider}/some-model",
        system=None,
        messages=(("user", "Write a plan for a rollback"),),
        temperature=1.0,
        max_tokens=1000,
        response_format=None,
        provider=providers[provider],
        rollout=0,
        draw=0,
    )
    return replace(request, **changes)


def test_the_judge_answers_with_a_verdict(running: Rehearsal) -> None:
    """The verdict comes through google-genai with a schema. A plan that covers more topics scores higher."""
    poor, rich = (
        score(*scoring(running, text)) for text in ("other: thing", "rollback: backfill\nmigration: database")
    )
    assert 0 <= poor.score < rich.score <= 10
    assert "Missing" in poor.reason


def test_a_verdict_depends_on_the_replicate_and_not_on_the_moment(running: Rehearsal) -> None:
    """Sixteen equal calls from eight threads get one verdict. Other replicates get other scores."""
    with ThreadPoolExecutor(8) as pool:
        verdicts = set(pool.map(lambda _: score(*scoring(running)), range(16)))
    assert len(verdicts) == 1
    assert len({score(*scoring(running, replicate=n)).score for n in range(12)}) > 1


@pytest.mark.parametrize("provider", ["gemini", "anthropic", "openai"])
def test_proposals_come_through_the_providers_own_protocol(running: Rehearsal, provider: ProviderName) -> None:
    """The proposer answers in all protocols."""
    assert propose(proposal(running, provider)).text.strip()


def test_each_draw_has_an_answer_of_its_own(running: Rehearsal) -> None:
    """The same draw gets the same answer again, and another draw gets another answer."""
    answers = [propose(proposal(running, draw=n)).text for n in (0, 1, 2, 0)]
    assert answers[0] == answers[3]
    assert len(set(answers)) == 3


@pytest.mark.parametrize("adapter", [dspy.ChatAdapter(use_json_adapter_fallback=False), dspy.JSONAdapter()])
def test_every_optimizer_can_read_the_answers_to_its_requests(running: Rehearsal, adapter: dspy.Adapter) -> None:
    """The signatures of COPRO, MIPROv2, SIMBA and GEPA get answers in both of DSPy's formats."""
    model = dspy.LM("gemini/m", api_base=f"{running.url}/v1beta", api_key="none", cache=False)
    feedback = [
        {"Inputs": {"goal": "g"}, "Generated Outputs": {"plan": "p"}, "Feedback": "Missing: rollback, backfill."}
    ]
    trajectories: dict[str, Any] = dict.fromkeys([*OfferFeedback.input_fields], "text")
    trajectories.update(worse_reward_value="0.1", better_reward_value="0.5", module_names=["predict"])
    grounded = generate_instruction_class(False, False, False, False, False)
    with dspy.context(lm=model, adapter=adapter, disable_history=True):
        first = dspy.Predict(BasicGenerateInstruction)(basic_instruction="Write the plan.")
        later = dspy.Predict(GenerateInstructionGivenAttempts)(
            attempted_instructions=["Instruction #1: Do it.", "Prefix #1: Plan:", "Resulting Score #1: 30.0"]
        )
        reflected = dspy.Predict(ProposeInstruction)(current_instruction="Do it.", examples_with_feedback=feedback)
        advised = dspy.Predict(OfferFeedback)(**trajectories)
        proposed = grounded(task_demos="none", basic_instruction="Do it.")
    assert first.proposed_instruction.startswith("Write the plan.")
    assert len(first.proposed_instruction) > len("Write the plan.")
    assert later.proposed_instruction.startswith("Do it.")
    assert "rollback" in reflected.new_instruction or "backfill" in reflected.new_instruction
    assert list(advised.module_advice) == ["predict"]
    assert proposed.proposed_instruction


def test_a_rehearsal_says_that_it_is_one(running: Rehearsal) -> None:
    """A client can tell a rehearsal from a real provider, so no scripted answer passes for a model's answer."""
    assert patient.get(f"{running.url}/rehearsal").json()["rehearsal"] is True


def test_an_unknown_request_gets_an_error_in_the_providers_form(running: Rehearsal) -> None:
    """The server answers with status 400 or 404 and does not crash."""
    response = patient.post(f"{running.url}/v1beta/models/m:generateContent", json={"nothing": 1})
    assert response.status_code == 400
    assert response.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert patient.post(f"{running.url}/v1/messages", content=b"{").json()["error"]["type"] == "invalid_request_error"
    assert patient.get(f"{running.url}/elsewhere").status_code == 404


def test_a_failed_call_is_never_an_answer() -> None:
    """Every failure is an error with a kind, and never a proposal or a verdict."""
    kinds = set()
    with start(fail_rate=1.0) as failing:
        for draw in range(8):
            with pytest.raises(ProposalFailed) as error:
                propose(proposal(failing, draw=draw))
            kinds.add(error.value.kind)
        with pytest.raises(NotJudged):
            score(*scoring(failing))
    assert kinds <= {"rate limit", "provider unavailable", "timeout"}
    assert len(kinds) > 1
