"""Defines the type of one trial: execution, plan and verdict together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.nouns.judging import KeyedVerdict, Verdict

#: How a trial came to its score: the judge gave it, the plan is invalid, or nothing was executed. Nothing is executed
#: for a prompt that copies a gold plan, or if the writer wrote no prompt. The last two outcomes score 0, and the judge
#: is not called.
TrialOutcome = Literal["ok", "invalid plan", "not executed"]


@dataclass(frozen=True)
class Trial:
    """One measurement: the score of one candidate on one goal.

    Attributes:
        execution: the key of the execution; empty if nothing was executed.
        verdict: the mean of `verdicts`, or a score of 0 with its reason.
        verdicts: the judge's answers; empty if nothing was executed.
    """

    candidate: str
    goal: str
    replicate: int
    execution: str
    verdict: Verdict
    outcome: TrialOutcome = "ok"
    verdicts: tuple[KeyedVerdict, ...] = ()
