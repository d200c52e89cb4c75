from __future__ import annotations

from workbench.search import proposer
from workbench.search.proposal import Proposal, ProposalRequest
from workbench.tasks.paid import paid


@paid("propose {request.title}", key=lambda given: given["request"].key)
def propose(request: ProposalRequest) -> Proposal:
    """Ask the proposer's model once."""
    return proposer.propose(request)
