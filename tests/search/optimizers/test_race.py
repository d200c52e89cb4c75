"""The race as an optimizer: the proposer edits numbered pieces, and the race's choice is the best prompt."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.flow import TOPICS, Flow, pipeline
from tests.support.settings import goals, setting
from workbench import sentences
from workbench.nouns import Execution, ExecutionRequest
from workbench.run.race_record import RaceRecord
from workbench.search.optimization import optimization
from workbench.search.proposal import Proposal, ProposalRequest


class Proposer:
    """Proposes one edit at a time: it takes up a topic that the judge misses, or adds a sentence about poetry."""

    def __init__(self) -> None:
        self.requests: list[str] = []

    def __call__(self, request: ProposalRequest) -> Proposal:
        text = request.messages[-1][1]
        self.requests.append(text)
        missing = [topic for topic in TOPICS if topic in text.partition("missing: ")[2].partition("\n")[0]]
        topic = missing[len(self.requests) % len(missing)] if missing else "poetry"
        return reply([{"action": "add", "text": f"Write about {topic}.", "reason": "it is missing"}])


def reply(edits: Any) -> Proposal:
    return Proposal(f"[[ ## edits ## ]]\n{json.dumps(edits)}\n\n[[ ## completed ## ]]")


def test_the_race_composes_a_prompt_of_the_proposed_sentences(tmp_path: Path) -> None:
    """It reads the judge's reasons, keeps to the budget, and executes on every goal."""
    proposer, flow = Proposer(), Flow()
    flow.propose = proposer
    run = setting(tmp_path, optimizer="race", goals=goals(2), budget=40, prompt="Write the plan. Be brief.")
    outcome = flow.answer(optimization(run))
    best = outcome.best.candidate.instructions
    assert sum(topic in best for topic in TOPICS) >= 4
    assert best.startswith("Write the plan. Be brief.")
    assert outcome.best.score > outcome.baseline.score
    assert outcome.spent <= 40
    assert flow.calls["execute"] <= 40
    assert "1. Write the plan.\n2. Be brief." in proposer.requests[0]
    assert "missing: " in proposer.requests[0]
    assert "The best prompt so far:" in proposer.requests[0]


def test_one_unlucky_execution_does_not_veto_the_choice(tmp_path: Path) -> None:
    """The chosen prompt's only execution is an invalid plan. The confirmation decides about the prompt all the same."""

    class Objecting(Proposer):
        def __call__(self, request: ProposalRequest) -> Proposal:
            if "## edits ##" in request.messages[-1][1]:
                return super().__call__(request)
            tidying.append(request.key)
            return Proposal('[[ ## conflicts ## ]]\n[{"pieces": [1, 3]}, {"pieces": [1, 5]}]\n\n[[ ## completed ## ]]')

    def execute(request: ExecutionRequest) -> Execution:
        # The conflicts make a composition that the race has not executed.
        return replace(pipeline(request), text="steps: [") if tidying else pipeline(request)

    tidying: list[str] = []
    run = setting(tmp_path, optimizer="race", budget=24, prompt="Write the plan. Be brief.")
    outcome = Flow(propose=Objecting(), execute=execute).answer(optimization(run))
    assert outcome.best.candidate.name == run.run.load(RaceRecord).steps[-1].candidate
    assert outcome.best.candidate != outcome.baseline.candidate
    assert outcome.best.score < outcome.baseline.score


@pytest.mark.slow
def test_a_rewriting_proposer_is_raced_with_whole_prompts(tmp_path: Path) -> None:
    def rewrite(request: ProposalRequest) -> Proposal:
        rewrites.append(request.key)
        topics = ", ".join(TOPICS[: len(rewrites) % (len(TOPICS) + 1)])
        return Proposal(f"```\nAnother prompt, number {len(rewrites)}, asks for {topics}.\n```")

    rewrites: list[str] = []
    run = setting(tmp_path, optimizer="race", budget=40, prompt="Write the plan. Be brief.")
    outcome = Flow(propose=rewrite).answer(optimization(run))
    assert outcome.best.candidate.instructions.startswith("Another prompt")
    assert outcome.spent <= 40


@pytest.mark.slow
def test_the_choice_does_not_depend_on_the_concurrency(tmp_path: Path) -> None:
    outcomes = []
    for concurrency in (1, 4):
        folder = tmp_path / str(concurrency)
        run = setting(folder, optimizer="race", goals=goals(2), budget=30, concurrency=concurrency)
        flow = Flow(propose=Proposer(), concurrency=concurrency, latency=0.005, shuffle=concurrency)
        outcomes.append(flow.answer(optimization(run)))
    assert outcomes[0] == outcomes[1]


@pytest.mark.slow
def test_the_run_tells_what_each_sentence_is_worth(tmp_path: Path) -> None:
    """Helpful sentences have a positive effect, and the steps lead to the chosen prompt."""
    flow = Flow(propose=Proposer())
    run = setting(tmp_path, optimizer="race", budget=60, prompt="Write the plan. Be brief.")
    outcome = flow.answer(optimization(run))
    record = run.run.load(RaceRecord)
    assert all(effect.low < effect.points < effect.high for effect in record.effects)
    assert any(effect.low > 0 for effect in record.effects)
    assert [effect.points for effect in record.effects] == sorted((e.points for e in record.effects), reverse=True)
    best = record.steps[-1]
    assert best.candidate == outcome.best.candidate.name
    assert best.best is not None
    assert best.first is not None
    assert best.first.score < best.best.score
    added = [text for step in record.steps for text in step.added]
    assert {effect.text for effect in record.effects if effect.in_best} <= set(added)
    assert record.noise is not None
    assert 0 < record.noise < 5


@pytest.mark.slow
def test_of_two_conflicting_sentences_the_one_that_is_worth_less_goes(tmp_path: Path) -> None:
    """The proposer names the conflict. The user's own sentences stay."""

    class Objecting(Proposer):
        def __call__(self, request: ProposalRequest) -> Proposal:
            text = request.messages[-1][1]
            if "## edits ##" in text:
                return super().__call__(request)
            composed.extend(re.findall(r"^\d+\. (.*)$", text, re.MULTILINE))
            pairs = [{"pieces": pair} for pair in ([1, 2], [3, 4], [99, 1])]
            return Proposal(f"[[ ## conflicts ## ]]\n{json.dumps(pairs)}\n\n[[ ## completed ## ]]")

    composed: list[str] = []
    run = setting(tmp_path, optimizer="race", budget=60, prompt="Write the plan. Be brief.")
    outcome = Flow(propose=Objecting()).answer(optimization(run))
    worth = {effect.text: effect.points for effect in run.run.load(RaceRecord).effects}
    less, more = sorted(composed[2:4], key=lambda text: worth[text])
    chosen = sentences.split(outcome.best.candidate.instructions)
    assert chosen[:2] == ["Write the plan.", "Be brief."]
    assert less not in chosen
    assert more in chosen
    assert len(chosen) == len(composed) - 1
    record = run.run.load(RaceRecord)
    assert record.steps[-1].removed == (less,)
    assert record.steps[-1].candidate == outcome.best.candidate.name
    assert {effect.text for effect in record.effects if effect.in_best} == set(chosen[2:])
