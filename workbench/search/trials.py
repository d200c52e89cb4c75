"""Trials as the programs see them: execute a prompt, score its plan, and remember what every candidate was worth."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import dspy

from workbench.nouns import ExecutionRequest, Plan, ScoreRequest, Trial, Verdict
from workbench.run.record import Phase
from workbench.run.setting import Setting
from workbench.search.asks import Desk, SearchStopped
from workbench.search.candidate import Candidate
from workbench.search.programs import NOTHING_WRITTEN, shown


@dataclass(frozen=True)
class Standing:
    """A candidate's mean score, 0 to 10, over goals (each the mean of its replicates)."""

    candidate: Candidate
    score: float


class Trials:
    """The stage of a search: every prompt passes through here, so that the budget holds whatever the optimizer thinks.

    Args:
        phase: in `confirm`, each replicate has a verdict of its own; in `search`, equal plans share the judge's first.
        budget: how many different executions may be asked for; None is no limit.
    """

    def __init__(self, setting: Setting, desk: Desk, *, phase: Phase, budget: int | None = None) -> None:
        self.setting = setting
        self.desk = desk
        self.phase = phase
        self.budget = budget
        self.over_budget = False
        self._goals = {goal.text: goal for goal in setting.study.goals}
        self._lock = threading.Lock()
        self._keys: set[str] = set()
        self._candidates: dict[str, Candidate] = {}
        self._plans: dict[str, Plan] = {}
        self._keys_of: dict[tuple[str, str, int], str] = {}
        self._trials: dict[tuple[str, str, int], Trial] = {}

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Trials:
        return self  # optimizers copy programs; all copies play on one stage

    @property
    def spent(self) -> int:
        """Different executions asked for so far, whether they were made now or had been kept."""
        return len(self._keys)

    @property
    def trials(self) -> list[Trial]:
        with self._lock:
            return list(self._trials.values())

    def execute(self, candidate: Candidate, prompt: str, goal: str, replicate: int) -> Plan:
        """Raises SearchStopped when the budget is reached: what was executed before keeps its worth."""
        setting = self.setting
        request = ExecutionRequest(
            prompt=prompt,
            goal=self._goals[goal],
            replicate=replicate,
            pipeline=setting.pipeline,
            providers=setting.executing,
            candidate=candidate.name,
            run=setting.run.path,
        )
        with self._lock:
            if request.key not in self._keys:
                if self.budget is not None and len(self._keys) >= self.budget:
                    self.over_budget = True
                    raise SearchStopped
                self._keys.add(request.key)
            if candidate.name not in self._candidates:
                self._candidates[candidate.name] = candidate
                setting.run.write(f"candidates/{candidate.name}.md", candidate.text)
        plan = self.desk.plan(request)
        with self._lock:
            self._plans[shown(plan)] = plan
            self._keys_of[candidate.name, self._goals[goal].name, replicate] = request.key
        return plan

    def verdict(self, goal: str, prediction: dspy.Prediction) -> Verdict:
        """What a program's prediction is worth; remembered as a trial of the candidate that made it."""
        name, replicate, text = prediction.candidate, prediction.replicate, prediction.plan
        if text == NOTHING_WRITTEN:
            verdict, key = Verdict(0.0, "The instructions led to an answer without a prompt in it."), ""
        else:
            request = ScoreRequest(
                goal=self._goals[goal],
                judge=self.setting.judge,
                replicate=replicate if self.phase == "confirm" else 0,
                candidate=name,
                run=self.setting.run.path,
            )
            verdict = self.desk.verdict(request, self._plans[text])
            key = self._keys_of[name, self._goals[goal].name, replicate]
        trial = Trial(name, self._goals[goal].name, replicate, key, verdict)
        place = (trial.candidate, trial.goal, trial.replicate)
        with self._lock:
            new = place not in self._trials
            self._trials[place] = trial
        if new:
            self.setting.run.add_trial(self.phase, trial)
        return verdict

    def standing(self, candidate: Candidate) -> float | None:
        """Mean score of a candidate, or None while a goal has no trial of it."""
        means = []
        for goal in self._goals.values():
            scores = [t.verdict.score for t in self.trials if t.candidate == candidate.name and t.goal == goal.name]
            if not scores:
                return None
            means.append(fmean(scores))
        return fmean(means)

    def leader(self, preferred: Candidate) -> Standing:
        """The best candidate that was tried on every goal; the optimizer's choice where it is as good as any."""
        known = {preferred.name: preferred, **self._candidates}
        standings = [
            Standing(candidate, score)
            for candidate in known.values()
            if (score := self.standing(candidate)) is not None
        ]
        return max(standings, key=lambda standing: standing.score)
