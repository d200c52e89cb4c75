"""The task `propose`: call the proposer, which costs money."""

from __future__ import annotations

from workbench.search import proposer
from workbench.search.proposal import Proposal, ProposalRequest
from workbench.tasks.paid import paid


@paid("propose {request.title}", key=lambda parameters: parameters["request"].key)
def propose(request: ProposalRequest) -> Proposal:
    """Ask the proposer's model once, and return its answer."""
    return proposer.propose(request)
