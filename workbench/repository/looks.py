"""Looks for a new head of a branch, and reports each head once, no matter who looks and how often.

The record of heads that were seen is a file under WORKBENCH_HOME. A schedule and a webhook share it. A head that was
reported is not reported again if a forced push brings it back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.errors import UserError
from workbench.foreign_text import storable
from workbench.providers import digest
from workbench.repository.addresses import FILE_SCHEME
from workbench.repository.repository import Repository
from workbench.system.files import write_atomically
from workbench.system.locks import exclusive_lock

#: The most paths that an event names. Prefect limits the size of an event.
MOST_PATHS = 1000
#: How many of the newest reported heads the record keeps.
MOST_HEADS = 1000


@dataclass(frozen=True)
class Change:
    """A new head of a branch.

    Attributes:
        repository: the repository's address.
        name: the repository's name.
        study: the study's path inside the repository.
        old: the head that was seen before. At the first look, the old commit that a push names, or None.
        new: the new head.
        changed_paths: the paths that differ between them, at most MOST_PATHS. ? stands for bytes that are not UTF-8.
        changed_count: how many paths differ.
    """

    repository: str
    name: str
    branch: str
    study: str
    old: str | None
    new: str
    changed_paths: tuple[str, ...]
    changed_count: int

    @property
    def key(self) -> str:
        """Return a hash that is the same for every report of this change."""
        return digest("change/1", self.repository, self.branch, self.study, str(self.old), self.new)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Look:
    """The result of a look: the head, the change that was reported if there is one, and a sentence for the log."""

    head: str
    change: Change | None
    sentence: str


def look(
    repository: Repository,
    branch: str,
    study: str,
    globs: Sequence[str],
    *,
    home: Path,
    report: Callable[[Change], None],
    first: bool = False,
    before_first: str | None = None,
) -> Look:
    """Report the head of a branch if it is new, and remember it.

    A head is remembered after `report` has returned. If `report` fails, the next look reports the same head again.

    Args:
        globs: report only if a path that matches one of these patterns has changed. Without patterns, every new head is
            reported, also that of an empty commit.
        report: reports a change.
        first: also report the head of the very first look.
        before_first: the commit that counts as the old head at the very first look.

    Raises:
        UserError: the branch does not exist, or the record cannot be read.
    """
    branch = repository.branch(branch)
    # A bare repository and a clone beside it have the same identity, and different heads.
    heads = repository.address if repository.address.startswith(FILE_SCHEME) else repository.identity
    file = home / "watched" / f"{repository.name}-{digest('watched', heads, branch, study)[:16]}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(file.with_suffix(".lock")):
        seen, new = _seen(file), repository.head(branch)
        if seen.head == new:
            return Look(new, None, f"{repository.name} {branch} is still at {new[:12]}.")
        is_first = seen.head is None
        if new in seen.reported:
            result = Look(new, None, f"{repository.name} {branch} is again at {new[:12]}, which was reported before.")
        elif is_first and not first:
            result = Look(
                new,
                None,
                f"This is the first look at {repository.name} {branch}, which is at {new[:12]}. No event is sent.",
            )
        else:
            result = _compare(repository, branch, study, globs, before_first if is_first else seen.head, new)
        if result.change is not None:
            report(result.change)
        record = {
            "repository": repository.address,
            "branch": branch,
            "study": study,
            "head": new,
            "reported": [*seen.reported, *([] if result.change is None else [new])][-MOST_HEADS:],
            "at": time.time(),
        }
        write_atomically(file, json.dumps(record).encode())
    return result


def _compare(repository: Repository, branch: str, study: str, globs: Sequence[str], old: str | None, new: str) -> Look:
    """Return the look at a new head: a change, unless there are patterns, and no path that matches one has changed."""
    paths = repository.changed_paths(old, new)
    if globs and not repository.changed_paths(old, new, globs):
        return Look(
            new, None, f"{repository.name} {branch} has the new head {new[:12]}, but no watched path has changed."
        )
    named = tuple(storable(path) for path in paths[:MOST_PATHS])
    change = Change(repository.address, repository.name, branch, study, old, new, named, len(paths))
    number = f"{len(paths)} changed {'path' if len(paths) == 1 else 'paths'}"
    return Look(new, change, f"{repository.name} {branch} has the new head {new[:12]}, with {number}.")


@dataclass(frozen=True)
class Seen:
    """The head that was seen last, or None before the first look, and the heads that were reported, oldest first."""

    head: str | None = None
    reported: tuple[str, ...] = ()


def _seen(file: Path) -> Seen:
    """Return what earlier looks saw. Records of old versions do not name the reported heads."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        return Seen(str(record["head"]), tuple(map(str, record.get("reported", ()))))
    except FileNotFoundError:
        return Seen()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{file} cannot be read as the record of a watched branch ({error}); delete it, and the next look counts "
            "as the first"
        ) from error
