"""Defines what the work of a search can ask the flow for. `workbench.search.asks` explains the work and the flow."""

from __future__ import annotations

from typing import NoReturn, Protocol

from workbench.nouns import DrawnCriteria, DrawRequest, ExecutionRequest, Plan, ScoreRequest, Trial, Verdict
from workbench.search.proposal import Proposal, ProposalRequest


class SearchStopped(BaseException):
    """Raised in the work to end it. Code of the work that catches it must raise it again.

    Every ask raises it after the flow has left its loop. `Trials` raises it when the budget of executions is reached,
    and an ask raises it when the run's purse allows no further call. Only in the last two cases does the search catch
    it, and continue with the trials that it has.
    """


class Asker(Protocol):
    """What any thread of the work can ask the flow for. Each of the first four methods waits for its answer.

    Raises (these four methods): SearchStopped if the flow has left its loop.
    """

    def propose(self, request: ProposalRequest) -> Proposal: ...

    def plan(self, request: ExecutionRequest) -> Plan: ...

    def verdict(self, request: ScoreRequest, plan: Plan) -> Verdict: ...

    def criteria(self, request: DrawRequest, key: str) -> DrawnCriteria: ...

    def report(self, trial: Trial) -> None:
        """Tell the flow about a trial that has just ended. Does not wait."""
        ...

    def fail(self, error: Exception) -> NoReturn:
        """End the work because of an error that an optimizer would catch and ignore.

        Raises:
            SearchStopped: always.
        """
        ...
