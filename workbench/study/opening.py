"""Opens a study for a run: loads it, chooses the model services, prepares the runtime, and creates the run folder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from workbench.calibration.calibrations import folder_of
from workbench.champion import promotion
from workbench.champion.champions import Champions
from workbench.champion.qualification import fingerprint
from workbench.errors import WorkbenchError
from workbench.evidence.promotion import alpha_of
from workbench.execution.runtimes import RUNTIMES, runtime_of
from workbench.ledger.marks import mark
from workbench.money import purse
from workbench.money.purse import Purse
from workbench.nouns import Study
from workbench.providers import digest
from workbench.run.folder import DRAWN, RUNS, RunFolder
from workbench.run.record import GoalRecord, LengthRecord, RunKind, RunRecord
from workbench.run.setting import Setting
from workbench.search.candidate import Candidate
from workbench.search.catalogue import OPTIMIZERS
from workbench.study import loader
from workbench.study.calibrating import calibration_estimate
from workbench.study.money import purse_of, spent_in
from workbench.study.rubric import needs_rubric, require_rubric, with_rubric
from workbench.study.services import Providers, judging_service, services
from workbench.system import git
from workbench.system.files import private_files
from workbench.system.home import ensure_usable
from workbench.system.storage import require_reachable, results_of


@dataclass(frozen=True)
class RunOptions:
    """The study that a person, a schedule or a trigger wants to run, and the values that differ in this run.

    None means that the study's own value applies.

    Attributes:
        study: the study file.
        rehearse: True for scripted models instead of real models.
        runner: the task runner, as the key `task_runner` names it.
        prompts: the folder `prompts` with the champions of the study, if it is not beside the study file.
        calibrates: only the judge is calibrated, for which a smaller budget is enough.
    """

    study: Path
    optimizer: str | None = None
    budget: int | None = None
    seed: int | None = None
    rehearse: bool = False
    prompts: Path | None = None
    dollars: float | None = None
    runner: str | None = None
    calibrates: bool = False

    @property
    def overrides(self) -> dict[str, object]:
        """Return the values that replace the study's own, by key."""
        options = {
            "optimizer": self.optimizer,
            "budget": self.budget,
            "seed": self.seed,
            "dollars": self.dollars,
            "task_runner": self.runner,
        }
        return {key: value for key, value in options.items() if value is not None}


def load(options: RunOptions) -> Study:
    """Return the study, with the values of the options in place of its own. A champion's text is its starting prompt.

    Raises:
        StudyError: the study, its rubric or the options have mistakes. The error holds all of them.
        ChampionUnreadable: the file of a champion cannot be read.
    """
    study = with_rubric(loader.load(options.study, options.overrides, calibrates=options.calibrates))
    if options.prompts is not None:
        study = replace(study, champions=options.prompts / study.name)
    champion = champions_of(study).current()
    return study if champion.file is None else replace(study, prompt=champion.text, champion=champion.number)


def current_fingerprint(study: Study) -> str:
    """Return the fingerprint of a study with the runtime of this machine. Nothing is executed.

    Raises:
        ExecutionFailed: the runtime cannot be started on this machine.
    """
    runtime = runtime_of(study.pipeline.engine)
    try:
        runtime.prepare()
        return fingerprint(study, runtime.version())
    finally:
        runtime.close()


def champions_of(study: Study) -> Champions:
    """Return the champions of a study. If nothing was promoted yet, its starting prompt is champion 1."""
    return Champions(study.name, study.champions, study.prompt)


@contextlib.contextmanager
def _prepared(options: RunOptions, environ: Mapping[str, str]) -> Iterator[tuple[Study, Providers, str]]:
    """Yield the study, the providers that answer for it, and the version of its prepared runtime.

    The runtime and a rehearsal started here are stopped when the block ends.
    """
    study = load(options)
    with private_files(), services(study, rehearse=options.rehearse, environ=environ) as providers:
        require_rubric(study, rehearsal=any(provider.rehearsal for provider in providers.values()))
        runtime = runtime_of(study.pipeline.engine)
        runtime.prepare()
        try:
            yield study, providers, runtime.version()
        finally:
            runtime.close()


@contextlib.contextmanager
def open_calibration(
    options: RunOptions, *, home: Path, url: str | None, environ: Mapping[str, str]
) -> Iterator[Setting]:
    """Yield the setting of a calibration, as `open_run` does for a run.

    The run folder of this setting is the folder of the judge's calibration. The study's budget limits the calibration,
    too: in executions, and in dollars if the budget names an amount.
    """
    with _prepared(options, environ) as (study, providers, version):
        judge = Setting(study, providers, version, RunFolder(home)).judge
        run = folder_of(ensure_usable(home), judge, study.goals).create_if_missing()
        setting = Setting(study, providers, version, run)
        with _in_shared_folder(setting, "calibration", url, home, environ):
            yield setting


@contextlib.contextmanager
def open_drawing(
    study: Study, *, rehearse: bool, home: Path, url: str | None, environ: Mapping[str, str]
) -> Iterator[Setting]:
    """Yield the setting in which the judge's model draws the study's rubric, as `open_run` does for a run.

    The run folder of this setting depends on the judge and the gold plans. If the study has a budget in dollars, the
    budget limits the drawing, too.
    """
    with private_files(), judging_service(study, rehearse=rehearse, environ=environ) as providers:
        judge = Setting(study, providers, "", RunFolder(home)).judge
        texts = [part for goal in study.goals for part in (goal.text, *goal.gold, "")]
        key = digest("drawing/1", judge.provider.label, judge.model, str(judge.temperature), *texts)[:24]
        run = RunFolder(ensure_usable(home) / DRAWN / key).create_if_missing()
        setting = Setting(study, providers, "", run)
        with _in_shared_folder(setting, "rubric", url, home, environ):
            yield setting


@contextlib.contextmanager
def _in_shared_folder(
    setting: Setting, kind: RunKind, url: str | None, home: Path, environ: Mapping[str, str]
) -> Iterator[None]:
    """Describe the setting in its folder, and limit the dollars of all work in this folder to the study's budget.

    Several commands use the same folder. What the earlier commands spent counts, too.
    """
    run, dollars = setting.run, setting.study.dollars
    limit = None if dollars is None else Purse(dollars, spent_in(run))
    with run.worked_on(), purse.opened(run.path, limit):
        _describe(setting, kind, url, home, environ)
        yield


@contextlib.contextmanager
def open_run(
    options: RunOptions, *, home: Path, run: str, url: str | None, environ: Mapping[str, str], searches: bool = True
) -> Iterator[Setting]:
    """Yield the setting of a run: its study, its providers, the runtime's version and the run folder.

    The runtime and a rehearsal started here are stopped when the block ends.

    Args:
        run: the run's name. If its folder exists, the run continues in it.
        url: the page in the Prefect UI that shows the run, for the report.
        searches: False if the run only measures the champion.

    Raises:
        StudyError: the study cannot be used.
        UserError: the study has no rubric and needs one, it cannot be rehearsed, `home` cannot be written to,
            or WORKBENCH_RESULTS names no bucket.
        MissingKey: a provider that the study needs has no key, and this is no rehearsal.
        ExecutionFailed: the runtime cannot be started on this machine.
        OutsideError: the bucket of WORKBENCH_RESULTS cannot be reached.
    """
    # Imported here, because other users of this module need no database.
    from workbench.ledger.database import ledger_name

    require_reachable(results_of(home, environ))
    ledger = ledger_name(home, environ)
    with _prepared(options, environ) as (study, providers, version):
        setting = Setting(study, providers, version, RunFolder.create(ensure_usable(home), run))
        # The folder of the promoted run may be damaged, or belong to another user. That is no reason to fail.
        with contextlib.suppress(WorkbenchError):
            promotion.complete(home / RUNS, champions_of(study), lambda changed: mark(changed, ledger))
        with setting.run.worked_on():
            _describe(setting, "search", url, home, environ, searches=searches)
            with purse.opened(setting.run.path, purse_of(study, setting.run, home)):
                yield setting


def _describe(
    setting: Setting, kind: RunKind, url: str | None, home: Path, environ: Mapping[str, str], *, searches: bool = False
) -> None:
    """Write run.json and copies of the study's files, unless an earlier attempt of the run did."""
    run, study = setting.run, setting.study
    if run.has(RunRecord):
        return
    run.keep_copy(study.file, "study.yaml")
    if needs_rubric(study) and kind != "rubric":
        run.keep_copy(study.rubric, "rubric.yaml")
    file = study.pipeline.file
    if file is not None and file.is_file():
        run.keep_copy(file, "pipeline.yaml")
    run.save(_record(setting, kind, url, home, environ, searches=searches))


def _record(
    setting: Setting, kind: RunKind, url: str | None, home: Path, environ: Mapping[str, str], *, searches: bool
) -> RunRecord:
    """Return the content of run.json. A study has no calibration and no fingerprint before its rubric is drawn."""
    study = setting.study
    label = next((provider.label for provider in setting.step_providers if provider.rehearsal), None)
    models = {"proposer": study.proposer, "judge": study.judge}
    return RunRecord(
        kind=kind,
        searches=searches,
        study=study.name,
        study_file=study.file,
        run_id=setting.run.name,
        optimizer=study.optimizer,
        if_nothing_tried=OPTIMIZERS[study.optimizer].if_nothing_tried,
        program=study.program,
        seed=study.seed,
        budget=study.budget,
        dollars=study.dollars,
        calls=study.calls,
        length=None if study.length is None else LengthRecord(**asdict(study.length)),
        calibration=None if kind == "rubric" else folder_of(home, setting.judge, study.goals).name,
        calibration_dollars=calibration_estimate(study, home).dollars,
        confirm=study.confirm,
        alpha=alpha_of(study.promote),
        concurrency=study.concurrency,
        passing=study.passing,
        goals=tuple(GoalRecord(name=goal.name, text=goal.text) for goal in study.goals),
        rehearsal=label.partition(":")[2] if label else None,
        real_in_rehearsal=RUNTIMES[study.pipeline.engine.name].real_in_rehearsal if label else "",
        baseline=Candidate(study.prompt).name,
        champion=study.champion,
        pipeline=study.pipeline.file,
        runtime=study.pipeline.engine.name,
        target=study.pipeline.target,
        models={role: f"{model.provider}/{model.name}" for role, model in models.items()},
        commit=git.commit_of(study.file.parent, environ),
        fingerprint=None if kind == "rubric" else fingerprint(study, setting.version),
        champions=study.champions,
        flow_run_url=url,
        started=time.time(),
    )
