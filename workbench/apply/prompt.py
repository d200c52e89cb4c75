"""Gathers what `apply` needs to know about a prompt: from the run that found it, or from the file of a champion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.apply.record import record_folder
from workbench.apply.repository import Repository
from workbench.champion.champion import Champion
from workbench.champion.proof import proof_of_study
from workbench.errors import ChampionNotFound, NotApplied, RunNotFound
from workbench.evidence.sentence import by_chance, rehearsal, sentence
from workbench.evidence.summary import Summary, summarize
from workbench.evidence.trust import promotion_command
from workbench.execution.runtimes import RUNTIMES
from workbench.nouns import ProgramName, Study, Target
from workbench.run.folder import RunFolder
from workbench.run.record import PromotedRecord


@dataclass(frozen=True)
class Prompt:
    """A prompt that can be applied.

    Attributes:
        run: the name of the run that found the prompt.
        title: the first words of the commit message about it.
        text: the prompt itself.
        file: the file that contains the prompt.
        program, runtime, target: what decides the prompt's place, as it was measured.
        goals: the text of each goal, by name.
        pipeline: the user's own pipeline file; None if it is not known.
        measured: returns the content of the pipeline file when the prompt was measured.
        result: what was measured, in a sentence.
        trailer: the last lines of the commit message.
        objection: why the prompt is only applied with `--anyway`, or None.
        notes: what a person should know before relying on the prompt.
        record: the folder with the record that `--revert` needs.
        promotion: the command that makes the prompt the champion; None if it was promoted before.
    """

    run: str
    title: str
    text: str
    file: Path
    program: ProgramName
    runtime: str | None
    target: Target | None
    goals: Mapping[str, str]
    pipeline: Path | None
    measured: Callable[[], str]
    result: str
    trailer: str
    objection: str | None
    notes: tuple[str, ...]
    record: RunFolder
    promotion: str | None


def prompt_of_run(run: RunFolder, pipeline: Path | None = None) -> Prompt:
    """Return the best prompt of a run.

    Args:
        pipeline: the user's own pipeline file. By default, the run names it.

    Raises:
        RunNotFound: the run has no confirmed best prompt yet, or its folder is incomplete.
    """
    summary = summarize(run)
    if summary.status != "done":
        raise RunNotFound(
            f"{run.name} has no confirmed best prompt yet: its state is {summary.status}; "
            "run the study again to continue it"
        )
    record, worse = summary.record, _worse(summary)
    marked = None if summary.rehearsal is None else rehearsal(summary.rehearsal, summary.real_in_rehearsal)
    return Prompt(
        run=run.name,
        title=f"Put the best prompt of study {summary.study}",
        text=run.read("best_prompt.md"),
        file=run.path / "best_prompt.md",
        program=record.program,
        runtime=record.runtime,
        target=record.target,
        goals={goal.name: goal.text for goal in record.goals},
        pipeline=pipeline or record.own_pipeline,
        measured=lambda: run.read("pipeline.yaml"),
        result=sentence(summary),
        trailer=f"Run: {run.name}\nCandidate: {summary.best}\n"
        f"Confirmed on: {len(summary.confirm)} fresh executions of both prompts",
        objection=_in_rehearsal(summary.rehearsal) or worse,
        notes=tuple(note for note in (marked, worse or by_chance(summary)) if note is not None),
        record=run,
        promotion=None if run.has(PromotedRecord) else promotion_command(record, run.name),
    )


def prompt_of_champion(study: Study, champion: Champion, home: Path, environ: Mapping[str, str]) -> Prompt:
    """Return the prompt of a champion whose run is on another machine. The champion's file proves what was measured.

    Raises:
        ChampionNotFound: the file proves nothing, because an old version of Workbench wrote it.
    """
    run, file = champion.run, champion.file
    if run is None or file is None or champion.proof is None:
        raise ChampionNotFound(
            f"champion {champion.number} of {study.name} was found by the run {run}, whose folder is not under "
            f"{home / 'runs'}, and its file has no proof of what was measured, because an older version of Workbench "
            f"wrote it, or the run has no pipeline file; run this command where the run is, or copy "
            f"WORKBENCH_HOME/runs/{run} from there to {home / 'runs'}; nothing was changed"
        )
    engine, worse = study.pipeline.engine.name, _champion_is_worse(champion)
    marked = None if champion.rehearsal is None else rehearsal(champion.rehearsal, RUNTIMES[engine].real_in_rehearsal)
    missing = f"the folder of the run {run} is not on this machine: the scores are those of {file.name}"
    return Prompt(
        run=run,
        title=f"Put champion {champion.number} of study {study.name}",
        text=champion.text,
        file=file,
        program=study.program,
        runtime=engine,
        target=study.pipeline.target,
        goals={goal.name: goal.text for goal in study.goals},
        pipeline=study.pipeline.file,
        measured=lambda: _measured(study, champion, environ),
        result=_result(champion),
        trailer=f"Run: {run}\nChampion: {champion.number}",
        objection=_in_rehearsal(champion.rehearsal) or worse,
        notes=tuple(note for note in (marked, worse, missing) if note is not None),
        record=record_folder(home, run),
        promotion=None,
    )


def _measured(study: Study, champion: Champion, environ: Mapping[str, str]) -> str:
    """Return the content of the pipeline file that fits the champion's proof: as it is now, or as git has it.

    Raises:
        NotApplied: no content fits.
    """
    file = study.pipeline.file
    assert file is not None  # noqa: S101  # the caller has looked for the file
    repository = Repository(file.parent, environ)
    earlier = repository.versions(repository.name(file), champion.commit)
    for content in (file.read_bytes(), *earlier):
        if proof_of_study(study, champion.text, champion.rehearsal, content) == champion.proof:
            return content.decode()
    raise NotApplied(
        f"neither {file} nor an earlier version of it in git fits the proof in {champion.file}; expected the prompt, "
        "the pipeline file and the study as the run has measured them: fetch the whole history with git fetch "
        f"--unshallow if the clone is shallow, or copy WORKBENCH_HOME/runs/{champion.run} from the machine of the run"
    )


def _result(champion: Champion) -> str:
    """Return what the file of a champion says about its score."""
    if champion.score is None:
        return f"The champion was not measured: {champion.reason}."
    interval = ""
    if champion.low is not None and champion.high is not None and champion.level is not None:
        interval = f" ({champion.low:.1f} to {champion.high:.1f}, {champion.level:.0%})"
    before = "" if champion.baseline is None else f", and the prompt that it was compared with {champion.baseline:.2f}"
    return f"The champion scores {champion.score:.2f}{interval}{before}: {champion.reason}."


def _in_rehearsal(label: str | None) -> str | None:
    """Return a warning if scripted models answered."""
    return "this prompt was found in a rehearsal, which proves nothing about it" if label else None


def _worse(summary: Summary) -> str | None:
    """Return a warning if the best prompt scored lower than the baseline in the confirmation."""
    comparison = summary.comparison
    return None if comparison is None else _lower(comparison.best, comparison.baseline)


def _champion_is_worse(champion: Champion) -> str | None:
    """Return a warning if the champion scored lower than the prompt that it was compared with."""
    if champion.score is None or champion.baseline is None:
        return None
    return _lower(champion.score, champion.baseline)


def _lower(score: float, baseline: float) -> str | None:
    return None if score >= baseline else f"this prompt is worse than the baseline: {score:.2f} against {baseline:.2f}"
