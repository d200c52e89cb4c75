"""The edge: where a run's surroundings are decided, once. Nothing deeper reads the environment for them."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from workbench import providers
from workbench.errors import UserError
from workbench.execution.runtime import RUNTIMES, runtime_of
from workbench.judging.template import check_template, default_template
from workbench.nouns import Study
from workbench.pipeline_file import needs
from workbench.providers import Provider, ProviderName
from workbench.rehearsal import server
from workbench.run.folder import RunFolder
from workbench.run.record import GoalRecord, RunRecord
from workbench.run.setting import Setting
from workbench.search.candidate import Candidate
from workbench.search.catalogue import OPTIMIZERS
from workbench.study import loader
from workbench.system.home import made


@dataclass(frozen=True)
class Wanted:
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


def load(wanted: Wanted) -> Study:
    """Raises StudyError with every problem of the file and of the overrides."""
    least = {name: optimizer.least for name, optimizer in OPTIMIZERS.items()}
    return loader.load(
        wanted.study,
        optimizers=least,
        runtimes=tuple(RUNTIMES),
        template=default_template,
        check_template=check_template,
        overrides=wanted.overrides,
    )


@contextlib.contextmanager
def opened(wanted: Wanted, *, home: Path, run: str, url: str | None, environ: Mapping[str, str]) -> Iterator[Setting]:
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
    study = load(wanted)
    with answering(study, rehearse=wanted.rehearse, environ=environ) as found:
        _rehearsable(study, found)
        runtime = runtime_of(study.engine)
        runtime.prepare()
        try:
            setting = Setting(study, found, runtime.version(), RunFolder.create(made(home), run))
            with setting.run.worked_on():
                _introduce(setting, url)
                yield setting
        finally:
            runtime.close()


@contextlib.contextmanager
def answering(study: Study, *, rehearse: bool, environ: Mapping[str, str]) -> Iterator[dict[ProviderName, Provider]]:
    """The providers: a rehearsal that runs where the environment points, one of our own, or the real services."""
    found = providers.real(environ)
    running = _recognised(found["gemini"].base_url)
    if study.engine.checkout is not None and (rehearse or running):
        raise UserError(
            "a rehearsal scripts models that are asked over HTTP, and pipeline_ex asks the claude program, which would "
            "answer for money: rehearse with runtime: mix"
        )
    if not rehearse:
        ask_for_keys(study, environ)
    if running is not None:
        yield running
    elif rehearse:
        with server.start() as own:
            yield providers.rehearsal(own.url, own.world, own.seed)
    else:
        yield found


def _rehearsable(study: Study, found: Mapping[ProviderName, Provider]) -> None:
    rehearsal = any(provider.rehearsal for provider in found.values())
    if rehearsal and needs.programs(study.pipeline.read_text(encoding="utf-8")):
        raise UserError(
            f"{study.pipeline}: a step says via: program, and the claude program cannot be rehearsed, as it asks the "
            "real service; leave that out for a rehearsal"
        )


def ask_for_keys(study: Study, environ: Mapping[str, str]) -> None:
    """Raises MissingKey for the first provider of the study that has none."""
    for name in sorted(needed(study)):
        providers.real(environ)[name].key(environ)


def needed(study: Study) -> set[ProviderName]:
    """Whose keys a study needs here."""
    wanted: set[ProviderName] = {study.judge.provider}
    if OPTIMIZERS[study.optimizer].proposes or study.program == "writer":
        wanted.add(study.proposer.provider)
    if study.engine.url is not None:
        # The steps' keys are where they are executed.
        return wanted
    steps = needs.providers(study.pipeline.read_text(encoding="utf-8", errors="replace"))
    # pipeline_ex asks the claude program, which has a login of its own.
    return wanted | (steps - {"anthropic"} if study.engine.checkout else steps)


def _recognised(url: str) -> dict[ProviderName, Provider] | None:
    """The rehearsal at this address, if there is one: what it answers must never pass for a model's answer."""
    if urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1"):
        return None
    try:
        told = httpx.get(f"{url}/rehearsal", timeout=5.0).json()
        return providers.rehearsal(url, told["world"], told["seed"]) if told.get("rehearsal") is True else None
    except (httpx.HTTPError, ValueError, KeyError, AttributeError):
        return None


def _introduce(setting: Setting, url: str | None) -> None:
    """Write down what the run is, unless an earlier attempt of it has."""
    run, study = setting.run, setting.study
    if run.has(RunRecord):
        return
    shutil.copyfile(study.file, run.path / "study.yaml")
    if study.pipeline.is_file():
        shutil.copyfile(study.pipeline, run.path / "pipeline.yaml")
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
            baseline=Candidate(study.prompt).name,
            pipeline=study.pipeline,
            runtime=study.engine.name,
            target=study.engine.target,
            flow_run_url=url,
            started=time.time(),
        )
    )
