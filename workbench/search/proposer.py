"""Answers a request for a proposal: calls the proposer's model."""

from __future__ import annotations

import json
from typing import Any

from workbench.errors import ProposalFailed
from workbench.models.asking import Role, ask
from workbench.models.reply import ModelCall
from workbench.models.text import UnusableText, take_in
from workbench.run import journal
from workbench.search.proposal import Proposal, ProposalRequest

ROLE = Role("proposer", ProposalFailed)

#: The longest proposal, in characters.
LONGEST_PROPOSAL = 200_000


def propose(request: ProposalRequest) -> Proposal:
    """Return the model's answer. An answer that is cut off or refused is never a proposal.

    Raises:
        BudgetUsedUp: the run's budget in dollars does not allow the call.
        MissingKey: the provider's key is not in the environment.
        ModelNotFound: the provider does not know the model.
        ProposalFailed: the model gave no complete answer, or its answer is blank.
    """
    name = request.model.partition("/")[2]
    call = ModelCall(
        provider=request.provider,
        model=name,
        messages=tuple((role, text) for role, text in request.messages if text.strip()),
        system=request.system if request.system and request.system.strip() else None,
        temperature=request.temperature,
        max_tokens=request.max_tokens,
        schema=_schema(request.response_format),
        seed=request.seed,
        seconds=request.timeout_seconds,
    )
    with journal.attempt(request.run, "propose", request.key) as meter:
        answer = ask(ROLE, call, _proposal_text, meter)
    if answer.other_model is not None:
        journal.note_other_model(request.run, "propose", request.key, name, answer.other_model)
    return Proposal(answer.value, answer.other_model, meter.cost)


def _proposal_text(text: str) -> str:
    """Return the text of a reply.

    Raises:
        UnusableText: the text is blank or too long.
    """
    if not text.strip():
        raise UnusableText("the reply is empty")
    return take_in(text, LONGEST_PROPOSAL)


def _schema(response_format: str | None) -> dict[str, Any] | None:
    """Return the schema in DSPy's response format, as `ModelCall` takes it: {} for any JSON, None for plain text."""
    if response_format is None:
        return None
    schema: dict[str, Any] = json.loads(response_format).get("schema") or {}
    return schema
