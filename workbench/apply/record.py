"""Stores where a run's prompt was applied. `revert` needs this record; nothing else holds its content.

The record is kept in the run's folder until the prompt is taken back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from workbench.apply.git import Head
from workbench.errors import NotApplied, RunNotFound
from workbench.run.folder import RunFolder
from workbench.system.files import write_atomically

#: File names in the run's folder: the record, and the bytes of the pipeline file before the change.
RECORD, BEFORE = "applied.json", "applied.before"


@dataclass(frozen=True)
class AppliedRecord:
    """Where a run's prompt was applied.

    Attributes:
        repository: the top folder of the user's repository.
        name: the path of the pipeline file within the repository.
        branch: the new branch.
        commit: the commit that contains the prompt.
        origin: what was checked out before.
    """

    run: RunFolder
    repository: Path
    name: str
    branch: str
    commit: str
    origin: Head

    @classmethod
    def load(cls, run: RunFolder) -> AppliedRecord | None:
        """Return the record of a run, or None if the run is not applied.

        Raises:
            NotApplied: the record cannot be read.
        """
        file = run.path / RECORD
        if not file.exists():
            return None
        try:
            values = json.loads(file.read_bytes())
            origin = Head(values["from"]["branch"], values["from"]["commit"])
            repository = Path(values["repository"])
            return cls(run, repository, values["name"], values["branch"], values["commit"], origin)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotApplied(
                f"{file} cannot be read, so Workbench cannot go back: switch to your branch with git switch, "
                "then delete that file"
            ) from error

    @property
    def file(self) -> Path:
        return self.repository / self.name

    def before(self) -> bytes | None:
        """Return the bytes of the pipeline file before the change, or None if they are lost.

        Git has the content as well, but a git filter can change its bytes.
        """
        try:
            return (self.run.path / BEFORE).read_bytes()
        except OSError:
            return None

    def save(self, before: bytes) -> None:
        """Write the record and the earlier bytes of the pipeline file into the run's folder.

        Raises:
            NotApplied: the files cannot be written.
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
            raise NotApplied(
                f"the record that --revert needs cannot be written into {self.run.path}: {error.strerror}"
            ) from error

    def delete(self) -> None:
        """Delete the record.

        Raises:
            NotApplied: its files cannot be deleted.
        """
        try:
            for name in (RECORD, BEFORE):
                (self.run.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise NotApplied(f"{self.run.path / RECORD} cannot be deleted: {error.strerror}") from error


def last_applied(home: Path) -> RunFolder:
    """Return the run that was applied last, by the time of its record.

    Raises:
        RunNotFound: no run is applied.
    """
    applied = [(record.stat().st_mtime_ns, record.parent) for record in (home / "runs").glob(f"*/{RECORD}")]
    if not applied:
        raise RunNotFound("no run is applied: workbench apply RUN applies one")
    return RunFolder(max(applied)[1])
