"""Stores where a run's prompt was applied. Only this record tells `revert` how to go back.

The record is kept in the run's folder until the prompt is taken back.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from workbench.apply.status import Head
from workbench.errors import NotApplied, RunNotFound
from workbench.run.file_format import Record
from workbench.run.folder import RunFolder
from workbench.system.files import PRIVATE_FILE, write_atomically

#: The file with the bytes of the pipeline file before the change, in the run's folder.
BEFORE = "applied.before"


class AppliedRecord(Record):
    """The place where a run's prompt was applied.

    Attributes:
        repository: the top folder of the user's repository.
        name: the path of the pipeline file within the repository.
        branch: the new branch.
        commit: the commit that contains the prompt.
        origin: what was checked out before.
    """

    FILE: ClassVar[str] = "applied.json"

    repository: Path
    name: str
    branch: str
    commit: str
    origin: Head = Field(validation_alias="from", serialization_alias="from")

    @property
    def file(self) -> Path:
        return self.repository / self.name


def load_applied(run: RunFolder) -> AppliedRecord | None:
    """Return the record of a run, or None if the run is not applied.

    Raises:
        NotApplied: the record is damaged.
        RunTooNew: a newer Workbench wrote the record.
    """
    if not run.has(AppliedRecord):
        return None
    try:
        return run.load(AppliedRecord)
    except RunNotFound as error:
        raise NotApplied(
            f"{run.path / AppliedRecord.FILE} cannot be read, so Workbench cannot go back: switch to your branch with "
            "git switch, then delete that file"
        ) from error


def bytes_before(run: RunFolder) -> bytes | None:
    """Return the bytes of the pipeline file before the change, or None if they are lost.

    Git has the content as well, but a git filter can change its bytes.
    """
    try:
        return (run.path / BEFORE).read_bytes()
    except OSError:
        return None


def save_applied(run: RunFolder, record: AppliedRecord, before: bytes) -> None:
    """Write the record and the earlier bytes of the pipeline file into the run's folder.

    Raises:
        NotApplied: the files cannot be written.
    """
    try:
        write_atomically(run.path / BEFORE, before, PRIVATE_FILE)
        run.save(record)
    except OSError as error:
        raise NotApplied(
            f"the record that --revert needs cannot be written into {run.path}: {error.strerror}"
        ) from error


def delete_applied(run: RunFolder) -> None:
    """Delete the record of a run.

    Raises:
        NotApplied: its files cannot be deleted.
    """
    try:
        for name in (AppliedRecord.FILE, BEFORE):
            (run.path / name).unlink(missing_ok=True)
    except OSError as error:
        raise NotApplied(f"{run.path / AppliedRecord.FILE} cannot be deleted: {error.strerror}") from error


def last_applied(home: Path) -> RunFolder:
    """Return the run that was applied last, by the time of its record.

    Raises:
        RunNotFound: no run is applied.
    """
    applied = [(record.stat().st_mtime_ns, record.parent) for record in (home / "runs").glob(f"*/{AppliedRecord.FILE}")]
    if not applied:
        raise RunNotFound("no run is applied: workbench apply RUN applies one")
    return RunFolder(max(applied)[1])
