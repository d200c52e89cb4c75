"""Runs the winning program of a run once more: one execution outside any search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from workbench.errors import RunNotFound
from workbench.execution.plan import retrieve
from workbench.execution.runtimes import execute, runtime_of
from workbench.nouns import (
    FIRST_EXTRA_REPLICATE,
    DrawnCriteria,
    DrawRequest,
    ExecutionRequest,
    Goal,
    Plan,
    ScoreRequest,
    Trial,
    Verdict,
)
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord
from workbench.run.setting import Setting
from workbench.search.candidate import Candidate
from workbench.search.proposal import Proposal, ProposalRequest
from workbench.search.proposer import propose
from workbench.study.opening import RunOptions, load
from workbench.study.services import services
from workbench.system.files import private_files


@dataclass(frozen=True)
class Generated:
    """A plan that the winner wrote.

    Attributes:
        prompt: the prompt that the pipeline got for it.
        folder: the folder with the prompt, the plan and the journal of the calls.
    """

    prompt: str
    plan: Plan
    folder: Path


class _DirectAnswers:
    """Executes and answers in the calling thread: it is the `Executor` and the `Asker` of a program that runs once."""

    def __init__(self, setting: Setting, goal: Goal, home: Path, folder: Path) -> None:
        self._setting = setting
        self._goal = goal
        self._home = home
        # The calls have a journal of their own, because the report of a finished run never changes.
        self._folder = folder
        self.prompt = ""
        self.latest_plan = Plan("", problem="the writer's answer had no prompt in it")

    def __deepcopy__(self, memo: Mapping[int, Any]) -> _DirectAnswers:
        return self

    def execute(self, candidate: Candidate, prompt: str, goal: str, replicate: int) -> Plan:
        setting = self._setting
        self.prompt = prompt
        request = ExecutionRequest(
            prompt, self._goal, replicate, setting.pipeline, setting.step_providers, candidate.name, self._folder
        )
        self.latest_plan = self.plan(request)
        return self.latest_plan

    def propose(self, request: ProposalRequest) -> Proposal:
        return propose(replace(request, run=self._folder))

    def plan(self, request: ExecutionRequest) -> Plan:
        return retrieve(execute(request, self._home))

    def verdict(self, request: ScoreRequest, plan: Plan) -> Verdict:
        raise AssertionError("a program that runs once is not judged")

    def criteria(self, request: DrawRequest, key: str) -> DrawnCriteria:
        raise AssertionError("a program that runs once needs no criteria")

    def report(self, trial: Trial) -> None:
        raise AssertionError("a program that runs once makes no trial")

    def fail(self, error: Exception) -> NoReturn:
        raise error


def generate(run: RunFolder, goal: str | None, *, home: Path, environ: Mapping[str, str]) -> Generated:
    """Run the winner on `goal`, by default the study's first goal. Write prompt and plan into the run's folder.

    Raises:
        RunNotFound: the run has no winner yet.
        StudyError, OutsideError: for the same reasons as in a run.
    """
    from workbench.search.fresh_trials import run_winner

    if not (run.path / "program.json").exists():
        raise RunNotFound(f"{run.name} has no winner yet: its search did not end; run the study again to continue it")
    record = run.load(RunRecord)
    study = load(RunOptions(record.own_study_file))
    goal_once_more = Goal("once-more", goal, ()) if goal else study.goals[0]
    with private_files(), services(study, rehearse=record.rehearsal is not None, environ=environ) as providers:
        runtime = runtime_of(study.pipeline.engine)
        runtime.prepare()
        try:
            setting = Setting(study, providers, runtime.version(), run)
            number, folder = run.create_generated()
            answers = _DirectAnswers(setting, goal_once_more, home, folder)
            run_winner(setting, answers, answers, goal_once_more.text, FIRST_EXTRA_REPLICATE + number - 1)
        finally:
            runtime.close()
        run.write(f"generated/{folder.name}/prompt.md", answers.prompt)
        run.write(f"generated/{folder.name}/plan.yaml", answers.latest_plan.text)
    return Generated(answers.prompt, answers.latest_plan, folder)
