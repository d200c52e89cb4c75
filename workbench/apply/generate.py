"""The winning program once more: one execution, outside any search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from workbench.errors import RunNotFound
from workbench.execution.plan import retrieve
from workbench.execution.runtimes import execute, runtime_of
from workbench.nouns import FIRST_EXTRA_REPLICATE, ExecutionRequest, Goal, Plan, ScoreRequest, Trial, Verdict
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
    """`rehearsal` is the rehearsal's world and seed, or None."""

    prompt: str
    plan: Plan
    rehearsal: str | None


class _AtOnce:
    """Answers asks where they are asked: a desk, and the stage on which one program performs once."""

    def __init__(self, setting: Setting, goal: Goal, home: Path) -> None:
        self._setting = setting
        self._goal = goal
        self._home = home
        self.prompt = ""
        self.made = Plan("", problem="the writer's answer had no prompt in it")

    def __deepcopy__(self, memo: Mapping[int, Any]) -> _AtOnce:
        return self

    def execute(self, candidate: Candidate, prompt: str, goal: str, replicate: int) -> Plan:
        setting = self._setting
        self.prompt = prompt
        request = ExecutionRequest(
            prompt, self._goal, replicate, setting.pipeline, setting.executing, candidate.name, setting.run.path
        )
        self.made = self.plan(request)
        return self.made

    def propose(self, request: ProposalRequest) -> Proposal:
        return propose(request)

    def plan(self, request: ExecutionRequest) -> Plan:
        return retrieve(execute(request, self._home))

    def verdict(self, request: ScoreRequest, plan: Plan) -> Verdict:
        raise AssertionError("a program that performs once is not judged")

    def report(self, trial: Trial) -> None:
        raise AssertionError("a program that performs once makes no trial")

    def fail(self, error: Exception) -> NoReturn:
        raise error


def generate(run: RunFolder, goal: str | None, *, home: Path, environ: Mapping[str, str]) -> Generated:
    """Perform the winner on `goal`, by default the study's first. Prompt and plan are kept in the run's folder.

    Raises:
        RunNotFound: the run has no winner yet.
        StudyError, OutsideError: as a run does.
    """
    from workbench.search.optimization import run_winner

    if not (run.path / "program.json").exists():
        raise RunNotFound(f"{run.name} has no winner yet: its search did not end; run the study again to go on")
    record = run.load(RunRecord)
    study = load(RunOptions(record.study_file))
    wanted = Goal("once-more", goal, ()) if goal else study.goals[0]
    before = len(list((run.path / "generated").glob("*/")))
    with private_files(), services(study, rehearse=record.rehearsal is not None, environ=environ) as providers:
        runtime = runtime_of(study.pipeline.engine)
        runtime.prepare()
        try:
            setting = Setting(study, providers, runtime.version(), run)
            stage = _AtOnce(setting, wanted, home)
            run_winner(setting, stage, stage, wanted.text, FIRST_EXTRA_REPLICATE + before)
        finally:
            runtime.close()
    folder = f"generated/{before + 1:03d}"
    run.write(f"{folder}/prompt.md", stage.prompt)
    run.write(f"{folder}/plan.yaml", stage.made.text)
    return Generated(stage.prompt, stage.made, record.rehearsal)
