"""`workbench champion`: show, compare and change the champion of a study, which is the prompt in use."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from workbench.champion.champion import Champion
from workbench.champion.champions import Champions
from workbench.commands import progress
from workbench.commands.output import JsonFile, console_beside, err, print_columns, print_foreign, write_json
from workbench.errors import ChampionNotFound
from workbench.evidence.prompt_diff import prompt_diff
from workbench.foreign_text import printable
from workbench.run.folder import RunFolder
from workbench.study.opening import RunOptions, champions_of, load
from workbench.system.home import home

champion = App(name="champion", help="Show, compare and change the champion of a study, which is the prompt in use.")

COLUMNS = ("number", "date", "score", "baseline", "run", "commit", "reason")


@champion.command
def show(study: Path, number: int | None = None, /, *, json_file: JsonFile = None) -> int:
    """Show a champion with its prompt.

    Parameters
    ----------
    study
        The study file.
    number
        The champion's number. Default: the current champion.
    json_file
        A file for the champion as JSON.
    """
    champions = _champions(study)
    chosen = champions.current() if number is None else champions.numbered(number)
    console = console_beside(json_file)
    progress.table(f"{champions.study}: champion {chosen.number}", _rows(chosen), console)
    console.print(printable(chosen.text), markup=False, highlight=False)
    _write(json_file, champions, chosen)
    return 0


@champion.command(name="list")
def list_(study: Path, /, *, json_file: JsonFile = None) -> int:
    """List the champions of a study, the oldest first. The last one is in use.

    Parameters
    ----------
    study
        The study file.
    json_file
        A file for the list as JSON.
    """
    champions = _champions(study).all()
    print_columns(console_beside(json_file), COLUMNS, [_columns(listed) for listed in champions])
    if json_file is not None:
        write_json(json_file, [listed.to_json(text=False) for listed in champions])
    return 0


@champion.command
def diff(study: Path, old: int | None = None, new: int | None = None, /, *, json_file: JsonFile = None) -> int:
    """Show the difference between the prompts of two champions.

    Parameters
    ----------
    study
        The study file.
    old
        The number of the old champion. Default: the champion before the new one.
    new
        The number of the new champion. Default: the current champion.
    json_file
        A file for the difference as JSON.
    """
    champions = _champions(study)
    later = champions.current() if new is None else champions.numbered(new)
    if old is None and later.number == 1:
        raise ChampionNotFound(f"{champions.study} has no champion before champion 1, so there is nothing to compare")
    earlier = champions.numbered(later.number - 1 if old is None else old)
    text = prompt_diff(earlier.text, later.text, f"champion {earlier.number}", f"champion {later.number}")
    print_foreign(text or f"champions {earlier.number} and {later.number} have the same prompt", json_file)
    if json_file is not None:
        write_json(json_file, {"study": champions.study, "old": earlier.number, "new": later.number, "diff": text})
    return 0


@champion.command
def promote(
    study: Path,
    run: str | None = None,
    /,
    *,
    force: Annotated[bool, Parameter(negative=())] = False,
    reason: str | None = None,
    json_file: JsonFile = None,
) -> int:
    """Make the best prompt of a run the champion. This writes a file in prompts/ and touches no pipeline file.

    Parameters
    ----------
    study
        The study file.
    run
        The run's name, the beginning of its name, or `latest`. Default: the latest run of the study.
    force
        Also promote a prompt whose gain can be chance or is below 0.5 points, that a rehearsal found, or that was
        compared with another prompt than the champion. Needs --reason.
    reason
        Why the prompt is promoted. The champion's file keeps these words.
    json_file
        A file for the champion as JSON.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.champion import promotion
    from workbench.ledger.database import ledger_name
    from workbench.ledger.follow import copy_run
    from workbench.ledger.marks import mark

    champions, ledger = _champions(study), ledger_name(home(), os.environ)
    folder = RunFolder.find(home(), run or "latest", champions.study)
    promoted = promotion.promote(
        folder, champions, force=force, reason=reason, before_change=lambda changed: mark(changed, ledger)
    )
    copy_run(folder, home(), os.environ, lambda line: err.print(line, markup=False, highlight=False))
    _print_change(study, promoted, champions, json_file)
    return 0


@champion.command
def rollback(
    study: Path, number: int | None = None, /, *, reason: str | None = None, json_file: JsonFile = None
) -> int:
    """Go back to an earlier champion. This writes a file in prompts/ and touches no pipeline file.

    Parameters
    ----------
    study
        The study file.
    number
        The number of the earlier champion. Default: the champion before the current one.
    reason
        Why the earlier prompt is used again. The champion's file keeps these words.
    json_file
        A file for the champion as JSON.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.champion import promotion

    champions = _champions(study)
    _print_change(study, promotion.rollback(champions, number, reason), champions, json_file)
    return 0


def _columns(listed: Champion) -> list[object]:
    """Return the line of a champion in the list. A score from a rehearsal says so."""
    mark = " in a rehearsal" if listed.rehearsal else ""
    values = {
        **listed.to_json(),
        "score": None if listed.score is None else f"{listed.score:.2f}{mark}",
        "baseline": None if listed.baseline is None else f"{listed.baseline:.2f}",
        "commit": listed.commit and listed.commit[:12],
    }
    return [values[column] for column in COLUMNS]


def _champions(study: Path) -> Champions:
    return champions_of(load(RunOptions(study)))


def _rows(chosen: Champion) -> list[tuple[str, str]]:
    """Return the values of a champion, as pairs of a name and a value."""
    interval = ""
    if chosen.level is not None and chosen.low is not None:
        interval = f" ({chosen.level:.0%} {chosen.low:.2f} to {chosen.high:.2f})"
    measured = "not measured" if chosen.score is None else f"{chosen.score:.2f}{interval}"
    pairs: list[tuple[str, Any]] = [
        ("score", f"{measured}, in a rehearsal" if chosen.rehearsal else measured),
        ("baseline", None if chosen.baseline is None else f"{chosen.baseline:.2f}"),
        ("run", chosen.run),
        ("date", chosen.date),
        ("commit", chosen.commit),
        ("models", ", ".join(f"{role} {model}" for role, model in chosen.models.items())),
        ("reason", chosen.reason),
        ("file", chosen.file),
    ]
    return [(name, "–" if value in (None, "") else printable(str(value))) for name, value in pairs]


def _print_change(study: Path, new_champion: Champion, champions: Champions, json_file: Path | None) -> None:
    """Print the new champion and its file. Say that no pipeline file was changed, and which command changes it."""
    console = console_beside(json_file)
    console.print(
        f"champion {new_champion.number} of {champions.study}: {printable(new_champion.reason)}", markup=False
    )
    console.print(f"wrote {new_champion.file}; commit its folder with git", markup=False, highlight=False)
    err.print(
        f"no pipeline file was changed: {printable(_how_to_apply(study, new_champion))}", markup=False, highlight=False
    )
    _write(json_file, champions, new_champion)


def _how_to_apply(study: Path, new_champion: Champion) -> str:
    """Return a sentence with the command that writes a champion into the pipeline file."""
    if new_champion.run is None:
        return "workbench apply --revert takes an applied prompt out again"
    anyway = ["--anyway"] if new_champion.rehearsal else []
    return f"{shlex.join(['workbench', 'apply', '--champion', str(study), *anyway])} does that"


def _write(json_file: Path | None, champions: Champions, chosen: Champion) -> None:
    if json_file is not None:
        write_json(json_file, {"study": champions.study, **chosen.to_json()})
