"""Finds a study in a git repository: its file at a commit, and the folder of its champions."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from workbench.champion.champions import FOLDER
from workbench.errors import Problem, StudyError, UserError
from workbench.providers import digest
from workbench.repository.opening import known_file
from workbench.repository.repository import Repository, path_inside
from workbench.study.names import names
from workbench.system.files import write_new


@dataclass(frozen=True)
class StudyInRepository:
    """A study in a git repository.

    Attributes:
        path: the study's path inside the repository.
    """

    repository: Repository
    path: PurePosixPath

    @classmethod
    def of(cls, repository: Repository, path: str) -> StudyInRepository:
        """Return the study at this path.

        Raises:
            UserError: the path leads out of the repository.
        """
        parsed = path_inside(path)
        if parsed is None:
            raise UserError(f'"{path}" is no path inside {repository.address}; expected one such as studies/study.yaml')
        return cls(repository, parsed)

    @property
    def label(self) -> str:
        """Return the study's name in locks and records of this machine: the repository's identity and the path."""
        return f"{self.repository.identity}/{self.path}"

    def prompts(self, home: Path) -> Path:
        """Return the folder of the champions of all studies beside this one.

        In a local repository it is beside the study. For a repository with a URL it is under `home`.
        """
        if self.repository.is_local:
            return self.repository.folder / self.path.parent / FOLDER
        repository_folder = f"{self.repository.name}-{digest('prompts', self.repository.identity)[:12]}"
        return home / FOLDER / repository_folder / self.path.parent

    @contextmanager
    def at(self, commit: str, home: Path, name: str) -> Iterator[Path]:
        """Yield the study's file in a worktree of the commit. The worktree is removed when the block ends.

        If the repository is a URL, the champions in the commit are copied to the folder that `prompts` returns.
        A StudyError of the block names its files as COMMIT:PATH, because the worktree is gone when somebody reads it.

        Args:
            name: the name of the worktree's folder. No other open worktree has it.

        Raises:
            UserError: the repository has no such commit, or the commit has no such study.
        """
        with self.repository.checked_out(commit, home / "worktrees" / name) as folder:
            file = folder / self.path
            if not file.is_file():
                raise UserError(absent(self.repository.address, str(self.path), commit))
            if not self.repository.is_local:
                self._copy_champions(file.parent / FOLDER, self.prompts(home))
            try:
                yield file
            except StudyError as error:
                raise StudyError([_at_commit(problem, commit, folder) for problem in error.problems]) from error

    def _copy_champions(self, committed: Path, prompts: Path) -> None:
        """Copy the committed champions that the folder `prompts` does not have."""
        for champion in committed.glob("*/*.md"):
            target = prompts / champion.relative_to(committed)
            if champion.is_file() and not champion.is_symlink() and not target.exists():
                write_new(target, champion.read_bytes())

    def differs_from_committed(self, champion: Path, file: Path) -> bool:
        """Return True if the commit has another champion with the number of the champion in use.

        Somebody has edited the committed champion, or has committed another one with this number. In a local
        repository, the champion in use is beside the study, where a person works on it.

        Args:
            champion: the file of the champion in use.
            file: the study's file in a worktree of the commit.
        """
        committed = file.parent / FOLDER / champion.parent.name / champion.name
        if self.repository.is_local or not committed.is_file() or committed.is_symlink():
            return False
        return committed.read_bytes() != champion.read_bytes()

    def how_to_commit(self, champion: Path, commit: str) -> str | None:
        """Return the command that adds a champion to a clone, with the champions before it that the commit lacks.

        The first promotion also writes the starting prompt. Return None for a local repository, which has the files.
        The command overwrites no file: somebody may have committed another champion with the same number.
        """
        if self.repository.is_local:
            return None
        name = champion.parent.name
        folder, committed = self.path.parent / FOLDER / name, set(self.repository.changed_paths(None, commit))
        targets = {file: str(folder / file.name) for file in sorted(champion.parent.glob("*.md"))}
        missing = {file: target for file, target in targets.items() if target not in committed}
        copies = " && ".join(f"cat {shlex.quote(str(file))} > {shlex.quote(to)}" for file, to in missing.items())
        commands = (
            shlex.join(("mkdir", "-p", str(folder))),
            # With `set -C`, a shell refuses to overwrite a file, and says which.
            f"(set -C && {copies})",
            shlex.join(("git", "add", *missing.values())),
            shlex.join(("git", "commit", "-m", f"Promote champion {int(champion.stem)} of {name}")),
        )
        return " && ".join(commands)


def _at_commit(problem: Problem, commit: str, worktree: Path) -> Problem:
    """Return a mistake in a file of a worktree as a mistake in the file of the commit."""
    if not problem.file.is_relative_to(worktree):
        return problem
    return replace(problem, file=Path(f"{commit[:12]}:{problem.file.relative_to(worktree)}"))


def absent(repository: str, study: str, commit: str) -> str:
    """Return the message about a study that a commit does not have."""
    return (
        f"{repository} has no file {study} at {commit[:12]}; expected a study there: if it has another name now, "
        "change it in the parameters of the deployment, and in the configuration of the webhook"
    )


def names_at(
    repository: str, commit: str | None, study: str, home: Path, environ: Mapping[str, str]
) -> tuple[str, str]:
    """Return the names of a study at a commit and of its optimizer, for a title. Nothing is fetched or checked.

    Args:
        commit: a commit or a branch; None is what is checked out, or the default branch of a URL.
    """
    return names(Path(repository, study), known_file(repository, commit or "HEAD", study, home, environ))
