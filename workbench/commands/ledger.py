"""`workbench ledger`: ask the database of all runs, and make it again from the run folders."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from workbench.commands.output import JsonFile, console_beside, err, print_columns, write_json
from workbench.evidence.words import money, plural
from workbench.foreign_text import one_line, printable
from workbench.nouns import replicate_name
from workbench.system.home import ensure_usable, home

if TYPE_CHECKING:
    from sqlalchemy import Connection

ledger = App(
    name="ledger",
    help="Answer questions about all runs from the ledger, and make the ledger again from the run folders.",
)

#: Characters of a judge's reason in the list of trials. The JSON has the whole reason.
REASON_CHARACTERS = 60


@ledger.default
@ledger.command(name="list")
def list_studies(*, json_file: JsonFile = None) -> int:
    """List the studies: how many runs and trials they had, and what they cost.

    Rehearsals are counted apart, and so are calibrations of the judge and drawings of rubrics.

    Parameters
    ----------
    json_file
        A file for the list as JSON.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.ledger.questions import studies

    with _ledger() as connection:
        totals = studies(connection)
    rows = [
        [
            total.study,
            total.kind,
            "rehearsal" if total.rehearsal else "real",
            total.runs,
            total.trials,
            total.executions,
            total.verdicts,
            total.proposals,
            "nothing" if total.rehearsal else f"{money(total.dollars)}{' or more' if total.unpriced else ''}",
            _date(total.last),
        ]
        for total in totals
    ]
    columns = ("study", "kind", "models", "runs", "trials", "executions", "verdicts", "proposals", "cost", "last run")
    _print(columns, rows, "there are no runs yet: workbench run STUDY makes one", json_file)
    if json_file is not None:
        write_json(json_file, [total.to_json() for total in totals])
    return 0


@ledger.command
def scores(study: str, /, *, json_file: JsonFile = None) -> int:
    """List how the prompt in use scored on fresh executions, by commit: one line for each run, the oldest first.

    Parameters
    ----------
    study
        The study's name, or its file.
    json_file
        A file for the scores as JSON.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.ledger.questions import names, prompt_scores
    from workbench.study.names import name_of

    with _ledger() as connection:
        study = name_of(study, names(connection))
        measured = prompt_scores(connection, study)
    rows = [
        [
            _date(score.at),
            score.commit and score.commit[:12],
            score.champion or "starting prompt",
            f"{score.score:.2f}",
            None if score.low is None else f"{score.low:.1f} to {score.high:.1f} ({score.level:.0%})",
            score.trials,
            f"{score.run}{', rehearsal' if score.rehearsal else ''}",
        ]
        for score in measured
    ]
    columns = ("date", "commit", "champion", "score", "interval", "trials", "run")
    _print(columns, rows, f"no run of {study} has measured its prompt on fresh replicates yet", json_file)
    if json_file is not None:
        write_json(json_file, [score.to_json() for score in measured])
    return 0


@ledger.command
def trials(
    study: str,
    /,
    *,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=1_000_000))] = 20,
    json_file: JsonFile = None,
) -> int:
    """List the newest trials of a study over all its runs.

    Parameters
    ----------
    study
        The study's name, or its file.
    limit
        How many trials to list.
    json_file
        A file for the trials as JSON, with whole reasons, tokens and models.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.ledger import questions
    from workbench.study.names import name_of

    with _ledger() as connection:
        study = name_of(study, questions.names(connection))
        listed = questions.trials(connection, study, limit)
    rows = [
        [
            trial["run"],
            trial["candidate"],
            trial["goal"],
            replicate_name(trial["replicate"]),
            f"{trial['score']:.1f}",
            None if trial["dollars"] is None else money(trial["dollars"]),
            one_line(trial["reason"], REASON_CHARACTERS),
        ]
        for trial in listed
    ]
    columns = ("run", "candidate", "goal", "replicate", "score", "cost", "reason")
    _print(columns, rows, f"there are no trials of {study} yet: workbench run STUDY makes some", json_file)
    if json_file is not None:
        write_json(json_file, listed)
    return 0


@ledger.command
def rebuild(*, forget: Annotated[bool, Parameter(negative=())] = False, json_file: JsonFile = None) -> int:
    """Make the ledger again from the run folders. Runs without a folder stay, unless --forget removes them.

    A ledger of another version, and a damaged SQLite file, is replaced. Then only runs with a folder are in it.

    Parameters
    ----------
    forget
        Also remove the runs that have no folder here: pruned runs, and runs of other machines.
    json_file
        A file for the result as JSON.
    """
    # Imported here to keep the start of other commands fast.
    from rich.progress import Progress

    from workbench.ledger import rebuild as rebuilding
    from workbench.ledger.database import Database

    bar = Progress(console=err, transient=True, disable=not err.is_terminal)
    with Database.of(ensure_usable(home()), os.environ) as database, bar:
        task = bar.add_task("copying runs", total=None)
        rebuilt = rebuilding.rebuild(
            database,
            home(),
            forget=forget,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    console = console_beside(json_file)
    for run, reason in rebuilt.unreadable.items():
        console.print(f"left out {run}: {printable(reason)}", highlight=False, markup=False)
    if rebuilt.without_folder:
        verb = "removed" if forget else "kept"
        summary = f"{verb} {plural(len(rebuilt.without_folder), 'run')} without a folder here"
        console.print(summary if forget else f"{summary}; --forget removes them", highlight=False)
    copied = f"copied {plural(len(rebuilt.runs), 'folder')} with {plural(rebuilt.lines, 'line')}"
    console.print(f"{copied} into {printable(database.place)}", highlight=False, markup=False)
    if json_file is not None:
        write_json(json_file, {"ledger": database.place, **rebuilt.to_json()})
    return 0


@contextmanager
def _ledger() -> Iterator[Connection]:
    """Yield a connection to the ledger.

    Make the ledger first if it is missing or of another version, and copy the lines that killed runs have left.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.ledger.database import Database
    from workbench.ledger.follow import copy_left_runs
    from workbench.ledger.rebuild import prepare

    with Database.of(ensure_usable(home()), os.environ) as database:
        prepare(database, home())
        copy_left_runs(home(), os.environ)
        with database.reading() as connection:
            yield connection


def _print(
    columns: Sequence[str], rows: Sequence[Sequence[object]], empty_message: str, json_file: Path | None
) -> None:
    """Print a table, or a sentence if it has no rows."""
    console = console_beside(json_file)
    print_columns(console, columns, rows)
    if not rows:
        console.print(printable(empty_message), highlight=False, markup=False)


def _date(seconds: float) -> str:
    """Return a Unix time as the date and the minute in UTC."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))
