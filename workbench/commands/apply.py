"""`workbench apply`: put the best prompt of a run into the user's pipeline file, or take it out again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from workbench.commands.output import JsonFile, err, print_foreign, write_json
from workbench.errors import ChampionNotFound, RunNotFound, UserError
from workbench.foreign_text import printable
from workbench.nouns import Study
from workbench.run.folder import RunFolder
from workbench.study.opening import RunOptions, champions_of, load
from workbench.system.home import ensure_usable, home

if TYPE_CHECKING:
    from workbench.apply.prompt import Prompt


def apply(
    run: str | None = None,
    /,
    *,
    step: str | None = None,
    goal: str | None = None,
    branch: str | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    revert: Annotated[bool, Parameter(negative=())] = False,
    champion: Path | None = None,
    anyway: Annotated[bool, Parameter(negative=())] = False,
    json_file: JsonFile = None,
) -> int:
    """Put the best prompt of a run into the pipeline file that it was measured with, on a new git branch.

    Parameters
    ----------
    run
        The run's name, the beginning of its name, or `latest`. Default: the latest run; with --revert, the run that
        was applied last.
    step
        The step that gets the prompt, if several steps can take it.
    goal
        The goal to write beside the prompt, if the prompt becomes a step's text and the study has several goals.
    branch
        The new git branch. Default: workbench/RUN.
    dry_run
        Show the change, but do not make it.
    revert
        Take the prompt out again: go back to the branch that was checked out before, and restore the pipeline file.
    champion
        A study file. Apply the champion of this study, instead of the best prompt of a run.
    anyway
        Also apply a prompt that scored lower than the baseline, with which its run began, or that a rehearsal found.
    json_file
        A file for the result as JSON.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.apply.apply import apply_prompt
    from workbench.apply.placement import Chosen
    from workbench.apply.prompt import prompt_of_run
    from workbench.apply.revert import revert as revert_prompt

    if champion is not None and (run is not None or revert):
        raise UserError(
            "--champion takes no run and no --revert: the champion names its own run, and workbench apply --revert "
            "takes an applied champion out again"
        )
    if revert:
        if dry_run or anyway or (step, goal, branch) != (None, None, None):
            raise UserError("--revert takes a run and --json, and nothing else: leave the other options out")
        reverted = revert_prompt(home(), run, os.environ)
        report, notes, lines = reverted.to_json(), reverted.notes, reverted.lines()
    else:
        study = None if champion is None else load(RunOptions(champion))
        prompt = prompt_of_run(RunFolder.find(home(), run or "latest")) if study is None else _prompt_of_champion(study)
        applied = apply_prompt(prompt, Chosen(step, goal), branch, os.environ, dry_run=dry_run, anyway=anyway)
        report, notes, lines = applied.to_json(), applied.notes, applied.lines(dry_run=dry_run)
    for note in notes:
        err.print(f"note: {printable(note)}", markup=False, highlight=False)
    print_foreign("\n".join(lines), json_file)
    if json_file is not None:
        write_json(json_file, report)
    return 0


def _prompt_of_champion(study: Study) -> Prompt:
    """Return the prompt of a study's champion: from its run, or from its file if the run is on another machine.

    Raises:
        ChampionNotFound: the champion is a starting prompt, or has another text than its run found. Or the run is on
            another machine, and the champion's file proves nothing.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.apply.prompt import prompt_of_champion, prompt_of_run

    champion = champions_of(study).current()
    if champion.run is None:
        raise ChampionNotFound(
            f"champion {champion.number} of {study.name} is a starting prompt, which no run has found; expected the "
            "best prompt of a run: promote one with workbench champion promote, or take an applied prompt out again "
            "with workbench apply --revert; nothing was changed"
        )
    try:
        folder = RunFolder.find(home(), champion.run)
    except RunNotFound:
        return prompt_of_champion(study, champion, ensure_usable(home()), os.environ)
    if folder.read("best_prompt.md") != champion.text:
        raise ChampionNotFound(
            f"{champion.file} has another prompt than its run {champion.run} found; expected the same: "
            "restore the file with git"
        )
    # Another clone has the pipeline of the champion in another place.
    return prompt_of_run(folder, study.pipeline.file)
