"""How a run stands, read from its folder alone: at any moment of it, and long after it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from workbench.evidence.statistics import Comparison, compare
from workbench.run import journal
from workbench.run.folder import RunFolder


@dataclass(frozen=True)
class Shown:
    """One trial, as it was written down."""

    phase: Literal["search", "confirm"]
    candidate: str
    goal: str
    replicate: int
    execution: str
    score: float
    reason: str


@dataclass(frozen=True)
class Summary:
    """Scores are 0 to 10, None where there are none yet. `seconds` is wall time; `spent` has seconds by action.

    `executions` counts calls of the pipeline that were made and came to an end, failed ones too; `cache_hits` the
    different executions that were asked for and had been kept from earlier runs. `stopped` is None while somebody works
    on the run, and else why it failed, or nothing if it was interrupted.
    """

    run: Path
    about: dict[str, Any]
    found: dict[str, Any] | None
    trials: tuple[Shown, ...]
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
        return str(self.about["study"])

    @property
    def rehearsal(self) -> str | None:
        """World and seed, as `default:0`, or None."""
        told: str | None = self.about["rehearsal"]
        return told

    @property
    def real_in_rehearsal(self) -> str | None:
        """What was real although the run is a rehearsal, as the subject of a sentence; None if nothing was."""
        return str(self.about.get("real_in_rehearsal") or "") or None

    @property
    def baseline(self) -> str:
        return str(self.about["baseline"])

    @property
    def status(self) -> Literal["searching", "confirming", "done", "interrupted", "failed"]:
        if self.comparison is not None:
            return "done"
        if self.stopped is not None:
            return "failed" if self.stopped else "interrupted"
        return "searching" if self.found is None else "confirming"

    @property
    def best(self) -> str | None:
        """The search's best candidate; while it goes on, the best so far."""
        if self.found is not None:
            return str(self.found["best"])
        return max(self.standings, key=lambda name: self.standings[name], default=None)

    @property
    def best_so_far(self) -> float | None:
        return None if self.best is None else self.standings.get(self.best)

    @property
    def standings(self) -> dict[str, float]:
        """Mean search score of every candidate that was tried on all goals, in the order in which they came."""
        return standings(self.search, [goal["name"] for goal in self.about["goals"]])

    @property
    def search(self) -> tuple[Shown, ...]:
        return tuple(trial for trial in self.trials if trial.phase == "search")

    @property
    def confirm(self) -> tuple[Shown, ...]:
        return tuple(trial for trial in self.trials if trial.phase == "confirm")

    @property
    def passed(self) -> bool | None:
        return None if self.comparison is None else self.comparison.best >= self.about["passing"]

    def text(self, candidate: str) -> str:
        file = self.run / "candidates" / f"{candidate}.md"
        return file.read_text(encoding="utf-8") if file.exists() else ""


def summarize(run: RunFolder) -> Summary:
    """Read a run's folder. What is not there yet is None or zero."""
    about = run.read_json("run.json")
    found = run.read_json("found.json") if (run.path / "found.json").exists() else None
    trials = tuple(_trials(run.path / "trials.jsonl"))
    lines = journal.read(run.path)
    ended = [line for line in lines if line["kind"] != "interrupted"]
    executed = {line["key"] for line in ended if line["action"] == "execute" and line["kind"] == "ok"}
    asked = {trial.execution for trial in trials if trial.execution}
    last = max((line["at"] for line in lines), default=about["started"])
    calls = Counter(line["action"] for line in ended)
    return Summary(
        run=run.path,
        about=about,
        found=found,
        trials=trials,
        executions=calls["execute"],
        cache_hits=len(asked - executed),
        proposals=calls["propose"],
        verdicts=calls["score"],
        failures=dict(Counter(line["kind"] for line in lines if line["kind"] != "ok")),
        seconds=max(last, _written(run.path)) - about["started"],
        spent={action: sum(line["seconds"] for line in lines if line["action"] == action) for action in calls},
        comparison=_comparison(about, found, trials),
        stopped=run.stopped,
    )


def to_json(summary: Summary) -> dict[str, Any]:
    """The report as `--json` writes it. `best` is the search's candidate; `better` says whether it is beyond chance."""
    comparison, found = summary.comparison, summary.found
    best = summary.best
    return {
        "study": summary.study,
        "run_id": summary.run.name,
        "optimizer": summary.about["optimizer"],
        "rehearsal": summary.rehearsal is not None,
        "rehearsal_world": summary.rehearsal,
        "real_in_rehearsal": summary.real_in_rehearsal,
        "status": summary.status,
        "why": summary.stopped if summary.status == "failed" else None,
        "baseline": {
            "score": _rounded(comparison.baseline if comparison else None),
            "search_score": _rounded(summary.standings.get(summary.baseline)),
            "candidate": summary.baseline,
        },
        "best": {
            "score": _rounded(comparison.best if comparison else None),
            "search_score": _rounded(found["search_score"] if found else summary.best_so_far),
            "candidate": best,
            "prompt_file": str(prompt_file(summary)) if best else None,
        },
        "better": comparison.better if comparison else None,
        "difference": {
            "mean": _rounded(comparison.difference),
            "low": _rounded(comparison.low),
            "high": _rounded(comparison.high),
            "p": comparison.p,
        }
        if comparison
        else None,
        "passed": summary.passed,
        "executions": summary.executions,
        "cache_hits": summary.cache_hits,
        "proposals": summary.proposals,
        "verdicts": summary.verdicts,
        "failures": summary.failures,
        "seconds": round(summary.seconds, 1),
        "ended": found["ended"] if found else None,
        "flow_run_url": summary.about["flow_run_url"],
    }


def _rounded(score: float | None) -> float | None:
    """A mean of scores is no more exact than this, and 6.8999999999999995 is no number to show."""
    return None if score is None else round(score, 4)


def prompt_file(summary: Summary) -> Path:
    return summary.run / "best_prompt.md" if summary.found else summary.run / "candidates" / f"{summary.best}.md"


def standings(trials: Iterable[Shown], goals: Sequence[str]) -> dict[str, float]:
    """Mean over goals (of the mean over replicates), for candidates that have a trial on each of them."""
    scores: dict[str, dict[str, list[float]]] = {}
    for trial in trials:
        scores.setdefault(trial.candidate, {}).setdefault(trial.goal, []).append(trial.score)
    return {
        name: fmean(fmean(by_goal[goal]) for goal in goals)
        for name, by_goal in scores.items()
        if all(goal in by_goal for goal in goals)
    }


def _comparison(about: dict[str, Any], found: dict[str, Any] | None, trials: tuple[Shown, ...]) -> Comparison | None:
    """Once every confirming trial is there."""
    if found is None:
        return None
    sides = []
    for candidate in (about["baseline"], found["best"]):
        by_goal: dict[str, list[float]] = {goal["name"]: [] for goal in about["goals"]}
        for trial in sorted(trials, key=lambda trial: trial.replicate):
            if trial.phase == "confirm" and trial.candidate == candidate:
                by_goal[trial.goal].append(trial.score)
        if any(len(scores) < about["confirm"] for scores in by_goal.values()):
            return None
        sides.append(by_goal)
    return compare(*sides)


def _trials(file: Path) -> list[Shown]:
    """A retried flow writes a trial again: the last one counts, in the first one's place."""
    found: dict[tuple[str, str, str, int], Shown] = {}
    if not file.exists():
        return []
    for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            said = json.loads(line)
            said.pop("at")
            trial = Shown(**said)
            found[trial.phase, trial.candidate, trial.goal, trial.replicate] = trial
    return list(found.values())


def _written(run: Path) -> float:
    """When anything of the run was last written: a run of kept answers makes no call."""
    files = [run / name for name in ("run.json", "trials.jsonl", "found.json") if (run / name).exists()]
    return max(file.stat().st_mtime for file in files)
