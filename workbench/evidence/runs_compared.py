"""Compares the best prompts of two runs: their texts, their confirmed scores, and what the runs cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from workbench.errors import RunNotFound
from workbench.evidence.prompt_diff import prompt_diff
from workbench.evidence.statistics import Comparison, compare
from workbench.evidence.summary import Summary, prompt_file
from workbench.run.folder import RunFolder

#: Digits after the point of the numbers in the JSON.
DIGITS = 4


@dataclass(frozen=True)
class RunsCompared:
    """Two runs, A and B.

    Attributes:
        diff: the change from the best prompt of A to that of B, as `prompt_diff` returns it.
        comparison: the confirmed scores of B's best prompt against A's; None if a run has none, or if the goals differ.
    """

    a: Summary
    b: Summary
    diff: str
    comparison: Comparison | None

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` writes."""
        comparison = self.comparison
        difference = None
        if comparison is not None:
            decision = comparison.decision
            numbers = {"mean": decision.difference, "low": decision.low, "high": decision.high, "level": decision.level}
            rounded = {name: round(value, DIGITS) for name, value in numbers.items()}
            difference = {**rounded, "p": decision.p, "decision": comparison.outcome}
        return {"a": _side(self.a), "b": _side(self.b), "difference": difference, "diff": self.diff}


def compare_runs(a: Summary, b: Summary) -> RunsCompared:
    """Compare two runs.

    Raises:
        RunNotFound: a run has tried no prompt on all goals yet.
    """
    diff = prompt_diff(_best_text(a), _best_text(b), a.run.name, b.run.name)
    comparison = None
    if a.comparison and b.comparison and a.record.goals == b.record.goals:
        comparison = compare(a.confirmed(str(a.best)), b.confirmed(str(b.best)))
    return RunsCompared(a, b, diff, comparison)


def _best_text(summary: Summary) -> str:
    """Return the best prompt of a run.

    Raises:
        RunNotFound: the run has tried no prompt on all goals yet.
    """
    if summary.best is None:
        raise RunNotFound(
            f"{summary.run.name} has tried no prompt on all goals yet: its state is {summary.status}; "
            "run the study again"
        )
    return RunFolder(summary.run).read(str(prompt_file(summary).relative_to(summary.run)))


def _side(summary: Summary) -> dict[str, Any]:
    """Return the values of one run. Scores are None if the run has no confirmed scores."""
    mean = None if summary.comparison is None else summary.mean_score(str(summary.best))
    measured = dict.fromkeys(("score", "low", "high", "level")) if mean is None else asdict(mean)
    return {
        "run": summary.run.name,
        "study": summary.study,
        "status": summary.status,
        "rehearsal": summary.rehearsal,
        "candidate": summary.best,
        **{name: None if value is None else round(value, DIGITS) for name, value in measured.items()},
        "baseline": None if summary.comparison is None else round(summary.comparison.baseline, DIGITS),
        "executions": summary.executions,
        "cache_hits": summary.cache_hits,
        "seconds": round(summary.seconds, 1),
        "cost": None if summary.costs.paid is None else round(summary.costs.paid, DIGITS),
        "commit": summary.record.commit,
    }
