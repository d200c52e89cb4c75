"""Reads the state of a run from its folder, while the run goes on and at any time afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from workbench.evidence.confirmed import PromptLength, comparison_of, confirmed_scores, prompt_length
from workbench.evidence.costs import Costs
from workbench.evidence.standings import standings
from workbench.evidence.statistics import (
    LEVEL,
    Comparison,
    MeanScore,
    mean_score,
)
from workbench.evidence.trust import Trust, promotion_command, trust
from workbench.run import journal
from workbench.run.folder import RunFolder
from workbench.run.race_record import RaceRecord
from workbench.run.record import LeakRecord, PromotedRecord, RunRecord, SearchResult, TrialRecord

Status = Literal["searching", "confirming", "done", "interrupted", "failed"]


@dataclass(frozen=True)
class Summary:
    """The state of a run. Scores are from 0 to 10, and None if there is none yet.

    Attributes:
        run: the run's folder.
        record: the description of the run, from `run.json`.
        result: the search's result, None while the search goes on.
        trials: the trials so far, in the order of their verdicts.
        leaks: how each refused candidate copies a gold plan, by the candidate's name.
        executions: calls of the pipeline that ended, failed calls included.
        cache_hits: different executions that the run asked for and that earlier runs had paid for.
        proposals, verdicts: calls of the proposer and of the judge that ended.
        failures: failed and interrupted calls, by kind.
        first_failures: the message of the first failed call of each kind, by kind.
        seconds: wall time of the run.
        spent: seconds of all calls, by action.
        costs: the money of all calls, by role.
        comparison: baseline and best on fresh replicates, None until the gate needs no more of them.
        stopped: None while a process works on the run. Afterwards the reason of a failure, or "" for an interrupt.
        promoted: the champion that the best prompt became, or None.
        trust: what is known about the judge.
        race: what each sentence is worth, or None if the optimizer is no race.
    """

    run: Path
    record: RunRecord
    result: SearchResult | None
    trials: tuple[TrialRecord, ...]
    leaks: dict[str, str]
    executions: int
    cache_hits: int
    proposals: int
    verdicts: int
    failures: dict[str, int]
    first_failures: dict[str, str]
    seconds: float
    spent: dict[str, float]
    costs: Costs
    comparison: Comparison | None
    stopped: str | None
    promoted: PromotedRecord | None
    race: RaceRecord | None
    trust: Trust

    @property
    def study(self) -> str:
        return self.record.study

    @property
    def rehearsal(self) -> str | None:
        """Return world and seed as `default:0`, or None if real models answered."""
        return self.record.rehearsal

    @property
    def real_in_rehearsal(self) -> str | None:
        """Return what was real although the run is a rehearsal, as the subject of a sentence; None if nothing was."""
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
        return "searching" if self.result is None and not self.only_measures else "confirming"

    @property
    def only_measures(self) -> bool:
        """Return True if the run does not search: it executes the champion on fresh replicates, as requalify does."""
        if self.record.searches is not None:
            return not self.record.searches
        return bool(self.confirm) and not self.search

    @cached_property
    def best(self) -> str | None:
        """Return the search's best candidate, or the best so far while the search goes on."""
        if self.result is not None:
            return self.result.best
        standings = {name: score for name, score in self.standings.items() if name not in self.leaks}
        return max(standings, key=lambda name: standings[name], default=None)

    @property
    def best_so_far(self) -> float | None:
        return None if self.best is None else self.standings.get(self.best)

    @cached_property
    def standings(self) -> dict[str, float]:
        """Return the mean search score of each candidate that was tried on all goals, in the order of their trials."""
        return standings(self.search, [goal.name for goal in self.record.goals])

    @cached_property
    def search(self) -> tuple[TrialRecord, ...]:
        return tuple(trial for trial in self.trials if trial.phase == "search")

    @cached_property
    def confirm(self) -> tuple[TrialRecord, ...]:
        return tuple(trial for trial in self.trials if trial.phase == "confirm")

    def confirmed(self, candidate: str) -> dict[str, list[float]]:
        """Return a candidate's confirmed scores by goal, in the order of the replicates."""
        return confirmed_scores(self.trials, self.record, candidate)

    def mean_score(self, candidate: str) -> MeanScore | None:
        """Return a candidate's confirmed mean; None as long as a goal has no confirmed score.

        Its interval has the level of the decision. The noise that a race estimated counts in it, unless there are
        several goals: then this noise contains the differences between the goals.
        """
        scores = self.confirmed(candidate)
        if not all(scores.values()):
            return None
        level = LEVEL if self.comparison is None else self.comparison.decision.level
        noise = self.race.noise if self.race is not None and len(scores) == 1 else None
        return mean_score(scores, level, noise)

    @property
    def baseline_score(self) -> MeanScore | None:
        """Return the confirmed mean of the prompt that the run began with; None until the run is done."""
        return None if self.comparison is None else self.mean_score(self.baseline)

    def length(self, candidate: str | None) -> PromptLength | None:
        """Return the length of a candidate's prompt; None without a candidate, or if length costs nothing."""
        if self.record.length is None or candidate is None:
            return None
        return prompt_length(self.run, self.record, candidate)

    @property
    def judge(self) -> str | None:
        """Return whether the judge can be trusted, or how to find out, in a sentence; None if nothing can be said."""
        return self.trust.sentence

    @property
    def passed(self) -> bool | None:
        return None if self.comparison is None else self.comparison.best >= self.record.passing

    @property
    def promotion(self) -> str | None:
        """Return the command that promotes the best prompt; None if nothing is to be promoted."""
        if self.promoted or self.rehearsal or self.comparison is None or not self.comparison.better:
            return None
        return promotion_command(self.record, self.run.name)

    def text(self, candidate: str) -> str:
        """Return a candidate's prompt, or an empty text if the run has not stored it."""
        return RunFolder(self.run).prompt(candidate)


def summarize(run: RunFolder) -> Summary:
    """Return the state of a run from its folder. What has no file yet is None, zero or empty."""
    record = run.load(RunRecord)
    result = run.load(SearchResult) if run.has(SearchResult) else None
    trials = _latest(run.lines(TrialRecord))
    calls = journal.read(run.path)
    ended = [call for call in calls if call.kind != "interrupted"]
    executed = {call.key for call in ended if call.action == "execute" and call.kind == "ok"}
    executions_in_trials = {trial.execution for trial in trials if trial.execution}
    # A run makes no call if all answers are cached. The times of the files would change if the folder were copied.
    last = max([record.started, *(call.at for call in calls), *(trial.at for trial in trials)])
    counts = Counter(call.action for call in ended)
    return Summary(
        run=run.path,
        record=record,
        result=result,
        trials=trials,
        leaks={leak.candidate: leak.why for leak in run.lines(LeakRecord)},
        executions=counts["execute"],
        cache_hits=len(executions_in_trials - executed),
        proposals=counts["propose"],
        verdicts=counts["score"],
        failures=dict(Counter(call.kind for call in calls if call.kind != "ok")),
        first_failures={call.kind: call.message for call in reversed(calls) if call.message},
        seconds=last - record.started,
        spent={action: sum(call.seconds for call in calls if call.action == action) for action in counts},
        costs=Costs.of(record, calls),
        comparison=comparison_of(run, record, result, trials),
        stopped=run.stopped,
        promoted=run.load(PromotedRecord) if run.has(PromotedRecord) else None,
        trust=trust(run, record),
        race=run.load(RaceRecord) if run.has(RaceRecord) else None,
    )


def prompt_file(summary: Summary) -> Path:
    """Return the file with the best prompt, or with the best prompt so far while the search goes on."""
    return summary.run / "best_prompt.md" if summary.result else summary.run / "candidates" / f"{summary.best}.md"


def _latest(trials: Iterable[TrialRecord]) -> tuple[TrialRecord, ...]:
    """Return each trial once. If a retried flow wrote a trial again, its last record replaces its first record."""
    latest = {(trial.phase, trial.candidate, trial.goal, trial.replicate): trial for trial in trials}
    return tuple(latest.values())
