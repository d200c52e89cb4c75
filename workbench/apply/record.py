"""Where a run's prompt was applied, kept in the run's folder until it is taken back: nothing else knows the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from workbench.apply.git import Head
from workbench.errors import NotApplied, RunNotFound
from workbench.run.folder import RunFolder
from workbench.run.record import Record
from workbench.system.files import write_whole

#: The pipeline file as it was before.
BEFORE = "applied.before"


class AppliedRecord(Record):
    """Which file of which repository got the prompt, and on which branch and commit.

    `name` is the file's path in the repository; `origin` is where the user was.
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


@dataclass(frozen=True)
class WayBack:
    """How to take back what was applied: the record, in the folder of the run that keeps it."""

    run: RunFolder
    applied: AppliedRecord

    @classmethod
    def of(cls, run: RunFolder) -> WayBack | None:
        """Return None for a run that is not applied.

        Raises:
            NotApplied: the record is damaged.
            RunTooNew: a newer Workbench wrote the record.
        """
        if not run.has(AppliedRecord):
            return None
        try:
            return cls(run, run.load(AppliedRecord))
        except RunNotFound as error:
            raise NotApplied(
                f"{run.path / AppliedRecord.FILE} cannot be read, so the way back is lost: git switch leads to your "
                "branch; then remove it"
            ) from error

    def before(self) -> bytes | None:
        """The file as it was, None if that is lost; git has it as well, but for what a filter makes of it."""
        try:
            return (self.run.path / BEFORE).read_bytes()
        except OSError:
            return None

    def keep(self, before: bytes) -> None:
        """
        Raises:
            NotApplied: it cannot be kept.
        """
        try:
            write_whole(self.run.path / BEFORE, before)
            self.run.save(self.applied)
        except OSError as error:
            raise NotApplied(f"the way back cannot be kept in {self.run.path}: {error.strerror}") from error

    def forget(self) -> None:
        """
        Raises:
            NotApplied: it cannot be removed.
        """
        try:
            for name in (AppliedRecord.FILE, BEFORE):
                (self.run.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise NotApplied(f"{self.run.path / AppliedRecord.FILE} cannot be removed: {error.strerror}") from error


def last(home: Path) -> RunFolder:
    """The run that was applied last, by when its record was written.

    Raises:
        RunNotFound: none is applied.
    """
    applied = [(record.stat().st_mtime_ns, record.parent) for record in (home / "runs").glob(f"*/{AppliedRecord.FILE}")]
    if not applied:
        raise RunNotFound("no run is applied: workbench apply RUN does it")
    return RunFolder(max(applied)[1])
