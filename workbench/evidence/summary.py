"""How a run stands, read from its folder alone: at any moment of it, and long after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Literal

from workbench.evidence.statistics import Comparison, compare
from workbench.run import journal
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord, SearchResult, TrialRecord

Status = Literal["searching", "confirming", "done", "interrupted", "failed"]


@dataclass(frozen=True)
class Summary:
    """Scores are 0 to 10, None where there are none yet. `seconds` is wall time; `spent` has seconds by action.

    `executions` counts calls of the pipeline that were made and came to an end, failed ones too; `cache_hits` the
    different executions that were asked for and had been kept from earlier runs. `stopped` is None while somebody works
    on the run, and else why it failed, or nothing if it was interrupted.
    """

    run: Path
    record: RunRecord
    result: SearchResult | None
    trials: tuple[TrialRecord, ...]
    executions: int
    cache_hits: int
    proposals: int
    verdicts: int
    failures: dict[str, int]
    seconds: float
    spent: dict[str, float]
    comparison: Comparison | None
    stopped: str | None

    @property
    def study(self) -> str:
        return self.record.study

    @property
    def rehearsal(self) -> str | None:
        """World and seed, as `default:0`, or None."""
        return self.record.rehearsal

    @property
    def real_in_rehearsal(self) -> str | None:
        """What was real although the run is a rehearsal, as the subject of a sentence; None if nothing was."""
        return self.record.real_in_rehearsal or None

    @property
    def baseline(self) -> str:
        return self.record.baseline

    @property
    def status(self) -> Status:
        if self.comparison is not None:
            return "done"
        if self.stopped is not None:
            return "failed" if self.stopped else "interrupted"
        return "searching" if self.result is None else "confirming"

    @property
    def best(self) -> str | None:
        """The search's best candidate; while it goes on, the best so far."""
        if self.result is not None:
            return self.result.best
        return max(self.standings, key=lambda name: self.standings[name], default=None)

    @property
    def best_so_far(self) -> float | None:
        return None if self.best is None else self.standings.get(self.best)

    @property
    def standings(self) -> dict[str, float]:
        """Mean search score of every candidate that was tried on all goals, in the order in which they came."""
        return standings(self.search, [goal.name for goal in self.record.goals])

    @property
    def search(self) -> tuple[TrialRecord, ...]:
        return tuple(trial for trial in self.trials if trial.phase == "search")

    @property
    def confirm(self) -> tuple[TrialRecord, ...]:
        return tuple(trial for trial in self.trials if trial.phase == "confirm")

    @property
    def passed(self) -> bool | None:
        return None if self.comparison is None else self.comparison.best >= self.record.passing

    def text(self, candidate: str) -> str:
        file = self.run / "candidates" / f"{candidate}.md"
        return file.read_text(encoding="utf-8") if file.exists() else ""


def summarize(run: RunFolder) -> Summary:
    """Read a run's folder. What is not there yet is None or zero."""
    record = run.load(RunRecord)
    result = run.load(SearchResult) if run.has(SearchResult) else None
    trials = _latest(run.lines(TrialRecord))
    calls = journal.read(run.path)
    ended = [call for call in calls if call.kind != "interrupted"]
    executed = {call.key for call in ended if call.action == "execute" and call.kind == "ok"}
    asked = {trial.execution for trial in trials if trial.execution}
    last = max((call.at for call in calls), default=record.started)
    counts = Counter(call.action for call in ended)
    return Summary(
        run=run.path,
        record=record,
        result=result,
        trials=trials,
        executions=counts["execute"],
        cache_hits=len(asked - executed),
        proposals=counts["propose"],
        verdicts=counts["score"],
        failures=dict(Counter(call.kind for call in calls if call.kind != "ok")),
        seconds=max(last, _written(run)) - record.started,
        spent={action: sum(call.seconds for call in calls if call.action == action) for action in counts},
        comparison=_comparison(record, result, trials),
        stopped=run.stopped,
    )


def prompt_file(summary: Summary) -> Path:
    return summary.run / "best_prompt.md" if summary.result else summary.run / "candidates" / f"{summary.best}.md"


def standings(trials: Iterable[TrialRecord], goals: Sequence[str]) -> dict[str, float]:
    """Mean over goals (of the mean over replicates), for candidates that have a trial on each of them."""
    scores: dict[str, dict[str, list[float]]] = {}
    for trial in trials:
        scores.setdefault(trial.candidate, {}).setdefault(trial.goal, []).append(trial.score)
    return {
        name: fmean(fmean(by_goal[goal]) for goal in goals)
        for name, by_goal in scores.items()
        if all(goal in by_goal for goal in goals)
    }


def _comparison(record: RunRecord, result: SearchResult | None, trials: tuple[TrialRecord, ...]) -> Comparison | None:
    """Once every confirming trial is there."""
    if result is None:
        return None
    sides = []
    for candidate in (record.baseline, result.best):
        by_goal: dict[str, list[float]] = {goal.name: [] for goal in record.goals}
        for trial in sorted(trials, key=lambda trial: trial.replicate):
            if trial.phase == "confirm" and trial.candidate == candidate:
                by_goal[trial.goal].append(trial.score)
        if any(len(scores) < record.confirm for scores in by_goal.values()):
            return None
        sides.append(by_goal)
    return compare(*sides)


def _latest(trials: Iterable[TrialRecord]) -> tuple[TrialRecord, ...]:
    """A retried flow writes a trial again: the last one counts, in the first one's place."""
    latest = {(trial.phase, trial.candidate, trial.goal, trial.replicate): trial for trial in trials}
    return tuple(latest.values())


def _written(run: RunFolder) -> float:
    """When anything of the run was last written: a run of kept answers makes no call."""
    kinds = (RunRecord, TrialRecord, SearchResult)
    return max((run.path / kind.FILE).stat().st_mtime for kind in kinds if run.has(kind))
