"""Executes prompts and scores plans for a program, within the budget, and stores every candidate's scores."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import dspy

from workbench.nouns import ExecutionRequest, Goal, Plan, ScoreRequest, Trial, Verdict
from workbench.run.record import LeakRecord, Phase
from workbench.run.setting import Setting
from workbench.search.asker import Asker, SearchStopped
from workbench.search.candidate import Candidate
from workbench.search.leak import WARNING, LeakGuard
from workbench.search.programs import NO_PROMPT, GoalText, output_text
from workbench.search.verdicts import mean_verdict, verdicts_on


@dataclass(frozen=True)
class ScoredCandidate:
    """A candidate and its mean score, 0 to 10: the mean over the goals of the mean over a goal's replicates.

    `penalty` is what the candidate loses for its length, in points. The score is the judge's, without the penalty.
    """

    candidate: Candidate
    score: float
    penalty: float = 0.0

    @property
    def value(self) -> float:
        """Return the score less the penalty. Candidates are compared by it."""
        return self.score - self.penalty


class Trials:
    """The executor of a program's prompts, and the record of the trials.

    Every prompt passes through this class, so the budget holds for every optimizer.

    Args:
        phase: in `confirm`, each replicate gets a verdict of its own, and the gold plans that are held out decide. In
            `search`, equal plans share one verdict.
        budget: how many different executions may be asked for, or None for no limit.
        guard: finds candidates that copy a gold plan. Such candidates are not executed. A confirmation needs no guard,
            because the search has checked its candidates.
    """

    def __init__(
        self,
        setting: Setting,
        asker: Asker,
        *,
        phase: Phase,
        budget: int | None = None,
        guard: LeakGuard | None = None,
    ) -> None:
        self.setting = setting
        self.asker = asker
        self.phase = phase
        self.budget = budget
        self.over_budget = False
        self._guard = guard
        self._goals = setting.study.goals
        self._lock = threading.Lock()
        self._requested_keys: set[str] = set()
        self._candidates: dict[str, Candidate] = {}
        #: How each checked candidate copies a gold plan, or None.
        self._leaks: dict[str, str | None] = {}
        self._proposed_copy = False
        #: The plans, by the output text that the program returns for each plan.
        self._plans: dict[str, Plan] = {}
        #: The keys of executions and the trials, each by candidate, goal and replicate.
        self._execution_keys: dict[tuple[str, str, int], str] = {}
        self._trials: dict[tuple[str, str, int], Trial] = {}

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Trials:
        return self  # optimizers copy programs, and all copies share one budget

    @property
    def spent(self) -> int:
        """Return how many different executions were asked for. Executions that an earlier run paid for count, too."""
        return len(self._requested_keys)

    @property
    def trials(self) -> list[Trial]:
        """Return all trials so far."""
        with self._lock:
            return list(self._trials.values())

    @property
    def warning(self) -> str:
        """Return what the proposer must know about refused candidates, or an empty text if none was refused."""
        with self._lock:
            return WARNING if self._proposed_copy or any(self._leaks.values()) else ""

    def note_proposal(self, text: str) -> None:
        """Note if a proposer's answer copies a gold plan. From then on, `warning` has a text for the proposer.

        The answer is checked at once, because an optimizer may ask for all its prompts before it executes the first.
        """
        if self._guard is not None and self._guard.leak(text, []) is not None:
            with self._lock:
                self._proposed_copy = True

    def leak(self, candidate: Candidate) -> str | None:
        """Return how a candidate copies a gold plan, and record it. Return None for every other candidate."""
        if self._guard is None:
            return None
        with self._lock:
            if candidate.name not in self._leaks:
                answers = [answer for _, answer in candidate.demos]
                why = self._leaks[candidate.name] = self._guard.leak(candidate.instructions, answers)
                if why is not None:
                    self._record(lambda: self._write_leak(candidate, why))
            return self._leaks[candidate.name]

    def _write_leak(self, candidate: Candidate, why: str) -> None:
        """Write a refused candidate and the reason into the run's folder."""
        self.setting.run.write(f"candidates/{candidate.name}.md", candidate.text)
        self.setting.run.append(LeakRecord(candidate=candidate.name, why=why))

    def execute(self, candidate: Candidate, prompt: str, goal: str, replicate: int) -> Plan:
        """Ask the flow to execute a prompt, and return the plan.

        A candidate that copies a gold plan is not executed. It gets a plan without text, whose problem is the reason.

        Raises:
            SearchStopped: the budget is reached. Earlier trials keep their scores.
        """
        if (why := self.leak(candidate)) is not None:
            return Plan("", why)
        setting, study_goal = self.setting, self._goal(goal)
        request = ExecutionRequest(
            prompt=prompt,
            goal=study_goal,
            replicate=replicate,
            pipeline=setting.pipeline,
            providers=setting.step_providers,
            candidate=candidate.name,
            run=setting.run.path,
        )
        with self._lock:
            if request.key not in self._requested_keys:
                if self.budget is not None and len(self._requested_keys) >= self.budget:
                    self.over_budget = True
                    raise SearchStopped
                self._requested_keys.add(request.key)
            if candidate.name not in self._candidates:
                self._candidates[candidate.name] = candidate
                self._record(lambda: setting.run.write(f"candidates/{candidate.name}.md", candidate.text))
        plan = self.asker.plan(request)
        with self._lock:
            self._plans[output_text(plan)] = plan
            self._execution_keys[candidate.name, study_goal.name, replicate] = request.key
        return plan

    def plan(self, prediction: dspy.Prediction) -> Plan | None:
        """Return the plan of a program's prediction, or None if the program wrote no prompt."""
        return self._plans.get(prediction.plan)

    def verdict(self, goal: str, prediction: dspy.Prediction) -> Verdict:
        """Return the verdict on a program's prediction, and record it as a trial of the program's candidate.

        The reason goes to the proposer, so long word sequences of a gold plan are taken out of it. The record has the
        judge's own words.
        """
        trial = self._trial(self._goal(goal), prediction)
        trial_id = (trial.candidate, trial.goal, trial.replicate)
        with self._lock:
            is_new = trial_id not in self._trials
            self._trials[trial_id] = trial
        if is_new:
            self._record(lambda: self.setting.run.add_trial(self.phase, trial))
            self.asker.report(trial)
        return self._for_proposer(trial)

    def _trial(self, goal: Goal, prediction: dspy.Prediction) -> Trial:
        """Have a program's prediction judged, and return the trial. A prediction without a plan scores 0."""
        name, replicate, text = prediction.candidate, prediction.replicate, prediction.plan
        if (why := self._leaks.get(name)) is not None:
            return Trial(name, goal.name, replicate, "", Verdict(0.0, why), "not executed")
        if text == NO_PROMPT:
            why = "The instructions led to an answer without a prompt in it."
            return Trial(name, goal.name, replicate, "", Verdict(0.0, why), "not executed")
        request = ScoreRequest(
            goal=goal.in_search if self.phase == "search" else goal.in_confirmation,
            judge=self.setting.judge,
            replicate=replicate if self.phase == "confirm" else 0,
            candidate=name,
            run=self.setting.run.path,
        )
        plan = self._plans[text]
        verdicts = verdicts_on(self.asker, request, plan)
        verdict = mean_verdict([keyed.verdict for keyed in verdicts])
        key = self._execution_keys[name, goal.name, replicate]
        return Trial(name, goal.name, replicate, key, verdict, "ok" if plan.ok else "invalid plan", verdicts)

    def penalty(self, candidate: Candidate) -> float:
        """Return the points that a candidate loses for its length."""
        length = self.setting.study.length
        return 0.0 if length is None else length.penalty(candidate.text)

    def scored(self, candidate: Candidate) -> ScoredCandidate | None:
        """Return a candidate with its mean score and its penalty, or None if it was not tried on every goal."""
        score = self.mean_score(candidate)
        return None if score is None else ScoredCandidate(candidate, score, self.penalty(candidate))

    def _for_proposer(self, trial: Trial) -> Verdict:
        """Return the verdict as optimizers get it: less the penalty, and without long word sequences of a gold plan."""
        verdict, candidate = trial.verdict, self._candidates.get(trial.candidate)
        lost = 0.0 if candidate is None else self.penalty(candidate)
        if lost:
            reason = f"{verdict.reason} The prompt is long, which costs {lost:.2f} points."
            verdict = replace(verdict, score=max(0.0, verdict.score - lost), reason=reason)
        return verdict if self._guard is None else replace(verdict, reason=self._guard.without_gold(verdict.reason))

    def _record(self, write: Callable[[], object]) -> None:
        """Call `write`, which writes into the run's folder. End the search if that fails.

        If the error were raised here, an optimizer would take it for a failed trial, and buy further executions.
        """
        try:
            write()
        except Exception as error:
            self.asker.fail(error)

    def _goal(self, text: str) -> Goal:
        """Return the study's goal for a program's input.

        The goal's name identifies it. If an optimizer passes on a plain text, return the first goal with this text.
        """
        name = text.name if isinstance(text, GoalText) else None
        return next(goal for goal in self._goals if goal.text == text and name in (None, goal.name))

    def mean_score(self, candidate: Candidate) -> float | None:
        """Return a candidate's mean score, or None if the candidate was not tried on every goal."""
        means = []
        for goal in self._goals:
            scores = [t.verdict.score for t in self.trials if t.candidate == candidate.name and t.goal == goal.name]
            if not scores:
                return None
            means.append(fmean(scores))
        return fmean(means)

    def best(self, preferred: Candidate) -> ScoredCandidate:
        """Return the candidate with the best value among those that were tried on every goal.

        `preferred` wins a tie. A candidate that copies a gold plan is left out.
        """
        candidates = {preferred.name: preferred, **self._candidates}
        scored = [
            scored
            for candidate in candidates.values()
            if self.leak(candidate) is None
            if (scored := self.scored(candidate)) is not None
        ]
        # Of equal values, `max` takes the first, and the preferred candidate is the first.
        return max(scored, key=lambda scored: scored.value)
