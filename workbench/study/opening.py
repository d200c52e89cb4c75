"""Opens a study for a run: study loaded, model services chosen, runtime prepared, run folder made."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.execution.runtimes import RUNTIMES, runtime_of
from workbench.nouns import Study
from workbench.run.folder import RunFolder
from workbench.run.record import GoalRecord, RunRecord
from workbench.run.setting import Setting
from workbench.search.candidate import Candidate
from workbench.study import loader
from workbench.study.services import services
from workbench.system.home import ensure_usable


@dataclass(frozen=True)
class RunOptions:
    """What a person, a schedule or a trigger asks for: a study, and what to change of it for this run."""

    study: Path
    optimizer: str | None = None
    budget: int | None = None
    seed: int | None = None
    rehearse: bool = False

    @property
    def overrides(self) -> dict[str, object]:
        given = {"optimizer": self.optimizer, "budget": self.budget, "seed": self.seed}
        return {name: value for name, value in given.items() if value is not None}


def load(options: RunOptions) -> Study:
    """Load the study, with what is to be changed of it. Raises StudyError with every problem."""
    return loader.load(options.study, options.overrides)


@contextlib.contextmanager
def open_run(
    options: RunOptions, *, home: Path, run: str, url: str | None, environ: Mapping[str, str]
) -> Iterator[Setting]:
    """The setting of a run, as long as it lasts: study loaded, providers found, runtime ready, folder made.

    Args:
        run: the run's name; its folder is taken up again if it exists.
        url: where the run can be watched, for the report.

    Raises:
        StudyError: the study cannot be used.
        UserError: it cannot be rehearsed, or nothing can be kept.
        MissingKey: a provider that the study needs has no key, and no rehearsal was asked for.
        ExecutionFailed: the runtime cannot be started here.
    """
    study = load(options)
    with services(study, rehearse=options.rehearse, environ=environ) as found:
        runtime = runtime_of(study.pipeline.engine)
        runtime.prepare()
        try:
            setting = Setting(study, found, runtime.version(), RunFolder.create(ensure_usable(home), run))
            with setting.run.worked_on():
                _introduce(setting, url)
                yield setting
        finally:
            runtime.close()


def _introduce(setting: Setting, url: str | None) -> None:
    """Write down what the run is, unless an earlier attempt of it has."""
    run, study = setting.run, setting.study
    if run.has(RunRecord):
        return
    shutil.copyfile(study.file, run.path / "study.yaml")
    file = study.pipeline.file
    if file is not None and file.is_file():
        shutil.copyfile(file, run.path / "pipeline.yaml")
    label = next((provider.label for provider in setting.executing if provider.rehearsal), None)
    run.save(
        RunRecord(
            study=study.name,
            study_file=study.file,
            run_id=run.name,
            optimizer=study.optimizer,
            program=study.program,
            seed=study.seed,
            budget=study.budget,
            confirm=study.confirm,
            concurrency=study.concurrency,
            passing=study.passing,
            goals=tuple(GoalRecord(name=goal.name, text=goal.text) for goal in study.goals),
            rehearsal=label.partition(":")[2] if label else None,
            real_in_rehearsal=RUNTIMES[study.pipeline.engine.name].real_in_rehearsal if label else "",
            baseline=Candidate(study.prompt).name,
            pipeline=study.pipeline.file,
            runtime=study.pipeline.engine.name,
            target=study.pipeline.target,
            flow_run_url=url,
            started=time.time(),
        )
    )
