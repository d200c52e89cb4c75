"""Where a run's prompt was applied, kept in the run's folder until it is taken back: nothing else knows the record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from workbench.apply.git import Head
from workbench.errors import NotApplied, RunNotFound
from workbench.run.folder import RunFolder
from workbench.system.files import write_atomically

#: The record, and the file as it was.
RECORD, BEFORE = "applied.json", "applied.before"


@dataclass(frozen=True)
class AppliedRecord:
    """`name` is the file's path in the repository; `origin` is where the user was."""

    run: RunFolder
    repository: Path
    name: str
    branch: str
    commit: str
    origin: Head

    @classmethod
    def of(cls, run: RunFolder) -> AppliedRecord | None:
        """None for a run that is not applied.

        Raises:
            NotApplied: what is kept cannot be read.
        """
        record = run.path / RECORD
        if not record.exists():
            return None
        try:
            said = json.loads(record.read_bytes())
            origin = Head(said["from"]["branch"], said["from"]["commit"])
            repository = Path(said["repository"])
            return cls(run, repository, said["name"], said["branch"], said["commit"], origin)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotApplied(
                f"{record} cannot be read, so the way back is lost: git switch leads to your branch; then remove it"
            ) from error

    @property
    def file(self) -> Path:
        return self.repository / self.name

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
            write_atomically(self.run.path / BEFORE, before)
            self.run.write_json(
                RECORD,
                {
                    "repository": str(self.repository),
                    "name": self.name,
                    "branch": self.branch,
                    "commit": self.commit,
                    "from": {"branch": self.origin.branch, "commit": self.origin.commit},
                },
            )
        except OSError as error:
            raise NotApplied(f"the way back cannot be kept in {self.run.path}: {error.strerror}") from error

    def forget(self) -> None:
        """
        Raises:
            NotApplied: it cannot be removed.
        """
        try:
            for name in (RECORD, BEFORE):
                (self.run.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise NotApplied(f"{self.run.path / RECORD} cannot be removed: {error.strerror}") from error


def last(home: Path) -> RunFolder:
    """The run that was applied last, by when its record was written.

    Raises:
        RunNotFound: none is applied.
    """
    applied = [(record.stat().st_mtime_ns, record.parent) for record in (home / "runs").glob(f"*/{RECORD}")]
    if not applied:
        raise RunNotFound("no run is applied: workbench apply RUN does it")
    return RunFolder(max(applied)[1])
