"""Every optimizer's proposer is told that a prompt was refused because it copies a gold plan."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import dspy
import pytest

from tests.support.flow import Flow
from tests.support.settings import setting
from workbench.nouns import Goal
from workbench.search.leak import WARNING
from workbench.search.models import proposer_lm
from workbench.search.optimization import optimization
from workbench.search.proposal import Proposal, ProposalRequest

GOLD = (
    "stages:\n- Draw the supervision tree and name the restart strategy of every worker process first\n"
    "- Write property tests for the mailbox and measure how long each message waits there\n"
)
COPY = "Draw the supervision tree and name the restart strategy of every worker process first"
GOAL = Goal("one", "write the plan", (GOLD,))
#: How DSPy names a field in a request and in a reply.
FIELD = re.compile(r"\[\[ ## (\w+) ## \]\]")


class Copying:
    """A proposer whose first answer copies the gold plan. Its later answers do not."""

    def __init__(self) -> None:
        self.requests: list[str] = []

    def __call__(self, request: ProposalRequest) -> Proposal:
        self.requests.append(request.messages[-1][1])
        number = len(self.requests)
        text = COPY if number == 1 else f"Name the owner of step {number}."
        fields = dict.fromkeys(FIELD.findall(f"{request.system}\n{request.messages[-1][1]}"))
        # SIMBA asks for advice by the name of a predictor.
        values = {name: json.dumps({"predict": text}) if name == "module_advice" else text for name in fields}
        answer = "\n\n".join(f"[[ ## {name} ## ]]\n{value}" for name, value in values.items() if name != "completed")
        return Proposal(f"{answer}\n\n[[ ## completed ## ]]" if fields else f"```\n{text}\n```")


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["copro", "mipro", "gepa", "simba"])
def test_a_copying_proposer_is_told_in_its_next_request(tmp_path: Path, optimizer: str) -> None:
    """The copy is not executed. The warning stands in each later request, once."""
    proposer, executed = Copying(), list[str]()
    run = setting(tmp_path, optimizer=optimizer, goals=(GOAL,), budget=30)
    flow = Flow(propose=proposer)
    execute = flow.execute

    def noting(request: Any) -> Any:
        executed.append(request.prompt)
        return execute(request)

    flow.execute = noting
    flow.answer(optimization(run))
    assert len(proposer.requests) > 1
    assert [request.count(WARNING) for request in proposer.requests] == [0] + [1] * (len(proposer.requests) - 1)
    assert not any(COPY in prompt for prompt in executed)


class Asking:
    """An asker that keeps the requests, and answers all of them alike."""

    def __init__(self) -> None:
        self.requests: list[ProposalRequest] = []

    def propose(self, request: ProposalRequest) -> Proposal:
        self.requests.append(request)
        return Proposal("[[ ## answer ## ]]\nx\n\n[[ ## completed ## ]]")


class Warned:
    """Refusals that count each answer as a copy."""

    warning = ""

    def note_proposal(self, text: str) -> None:
        self.warning = "It was refused."


def test_a_request_that_has_the_warning_stays_as_it_is(tmp_path: Path) -> None:
    """The warning stands at the end of the last message. A request with the warning is another request."""
    asker = Asking()
    lm = proposer_lm(setting(tmp_path), asker, samples=True, refusals=Warned())  # type: ignore[arg-type]  # it only proposes
    with dspy.context(lm=lm):
        for question in ("why?", "why?", "Why? It was refused."):
            dspy.Predict("question -> answer")(question=question)
    prompts = [request.messages[-1][1] for request in asker.requests]
    assert prompts[1] == f"{prompts[0]}\n\nIt was refused."
    assert [text.count("It was refused.") for text in prompts] == [0, 1, 1]
    assert [request.draw for request in asker.requests] == [0, 0, 0]
