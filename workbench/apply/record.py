"""Stores where a run's prompt was applied. Only this record tells `revert` how to go back.

The record is kept in the run's folder until the prompt is taken back. If the run is on another machine, the record is
kept in a folder of the same name under `WORKBENCH_HOME/applied`.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from workbench.apply.status import Head
from workbench.errors import NotApplied, RunNotFound
from workbench.run.file_format import Record
from workbench.run.folder import RUNS, RunFolder
from workbench.system.files import PRIVATE_FILE, write_atomically

#: The file with the bytes of the pipeline file before the change, beside the record.
BEFORE = "applied.before"
#: The folder under WORKBENCH_HOME with the records of runs that are on another machine.
ELSEWHERE = "applied"


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
        if run.path.parent.name == ELSEWHERE:
            run.path.rmdir()
    except OSError as error:
        raise NotApplied(f"{run.path / AppliedRecord.FILE} cannot be deleted: {error.strerror}") from error


def record_folder(home: Path, run: str) -> RunFolder:
    """Return the folder for the record of a run that is on another machine. It need not exist."""
    return RunFolder(home / ELSEWHERE / run)


def find_applied(home: Path, name: str | None) -> RunFolder:
    """Return the folder with the record of a run: by its name or the beginning of its name, or the latest record.

    Raises:
        RunNotFound: there is no such run, or without a name: no run is applied.
    """
    folders = [record.parent for root in (RUNS, ELSEWHERE) for record in (home / root).glob(f"*/{AppliedRecord.FILE}")]
    if name is None:
        if not folders:
            raise RunNotFound("no run is applied: workbench apply RUN applies one")
        return RunFolder(max(folders, key=lambda folder: (folder / AppliedRecord.FILE).stat().st_mtime_ns))
    if exact := [folder for folder in folders if folder.name == name]:
        return RunFolder(exact[0])
    elsewhere = [folder for folder in folders if folder.parent.name == ELSEWHERE and folder.name.startswith(name)]
    if len(elsewhere) > 1:
        names = ", ".join(sorted(folder.name for folder in elsewhere))
        raise RunNotFound(f"{name} begins the names of several applied runs: {names}; give one of these names")
    return RunFolder(elsewhere[0]) if elsewhere else RunFolder.find(home, name)
