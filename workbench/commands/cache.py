"""`workbench cache`: show how much room the kept answers take, and remove those that no run needs."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from workbench.commands.output import JsonFile, console_beside, write_json
from workbench.evidence.words import plural
from workbench.system.home import home

cache = App(name="cache", help="Show how much room the kept answers take, and remove those that no run needs.")

MEGABYTE = 1_000_000
Days = Annotated[float, Parameter(name="--older-than", validator=Number(gte=0))]


@cache.default
@cache.command(name="size")
def cache_size(*, json_file: JsonFile = None) -> int:
    """Show how many answers are kept, and how much room they take.

    Parameters
    ----------
    json_file
        A file for the numbers as JSON.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.upkeep.prune import answers, size

    tasks: dict[str, dict[str, int]] = {}
    for (task, _), paths in answers(home()).items():
        numbers = tasks.setdefault(task, {"answers": 0, "files": 0, "bytes": 0})
        numbers["answers"] += 1
        for path in paths:
            files, content_bytes = size(path)
            numbers["files"] += files
            numbers["bytes"] += content_bytes
    total = sum(numbers["bytes"] for numbers in tasks.values())
    console = console_beside(json_file)
    for task, numbers in sorted(tasks.items()):
        room = f"{numbers['bytes'] / MEGABYTE:.1f} MB"
        console.print(f"{task}: {plural(numbers['answers'], 'answer')}, {room}", highlight=False)
    console.print(f"all: {total / MEGABYTE:.1f} MB in {home()}", highlight=False)
    if json_file is not None:
        write_json(json_file, {"home": str(home()), "bytes": total, "tasks": tasks})
    return 0


@cache.command
def prune(
    *, days: Days = 30.0, dry_run: Annotated[bool, Parameter(negative=())] = False, json_file: JsonFile = None
) -> int:
    """Remove old answers that no run needs. A search that asks for such an answer again pays for it again.

    The answers of unfinished, promoted and applied runs are always kept, and so are those of calibrations and rubrics.

    Parameters
    ----------
    days
        Remove answers that are more than this many days old. An answer stays if a run
        that began within these days uses it.
    dry_run
        Count what would be removed, and remove nothing.
    json_file
        A file for the result as JSON.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.upkeep.prune import prune_answers

    pruned = prune_answers(home(), days, dry_run=dry_run)
    verb = "would remove" if dry_run else "removed"
    room = f"{pruned.bytes / MEGABYTE:.1f} MB"
    console_beside(json_file).print(f"{verb} {plural(len(pruned.removed), 'answer')}, {room}", highlight=False)
    if json_file is not None:
        write_json(json_file, {"dry_run": dry_run, "removed": pruned.removed, "bytes": pruned.bytes})
    return 0
