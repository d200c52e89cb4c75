"""The user's git repository, as far as a prompt is put into it: one commit on a new branch, and back.

git is called as a program, without a shell and without the user's hooks: a formatter would change more than the prompt.
The commit is made beside the user's index, so that nothing shows before all of it is there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import NotApplied
from workbench.execution import process
from workbench.files import write_whole

SECONDS = 60.0
#: What would point git to another place than the file's own.
ELSEWHERE = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE",
)  # fmt: skip
#: What git keeps while something is half done.
HALF_DONE = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
}


@dataclass(frozen=True)
class Head:
    """Where the user is: on a branch, or (None) on a commit of no branch."""

    branch: str | None
    commit: str


class Repository:
    """The repository that a file is in; every call is a git process of its own."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        """
        Raises:
            NotApplied: there is no git, or the folder is in no repository.
        """
        self._env = {name: value for name, value in environ.items() if name not in ELSEWHERE}
        self._env |= {"LC_ALL": "C.UTF-8", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
        self.top = folder
        self.top = Path(self._git("rev-parse", "--show-toplevel"))

    def head(self) -> Head:
        if not self._says("rev-parse", "-q", "--verify", "HEAD^{commit}"):
            raise NotApplied(f"{self.top} has no commit yet: commit the pipeline file first")
        named = self._says("symbolic-ref", "-q", "HEAD")
        return Head(self._git("symbolic-ref", "--short", "HEAD") if named else None, self._git("rev-parse", "HEAD"))

    def ask_for_clean(self) -> None:
        """Files that git does not know are nobody's business here.

        Raises:
            NotApplied: there are changes that are not committed, or something is half done.
        """
        if changed := self._git("status", "--porcelain=v1", "--untracked-files=no").splitlines():
            names = ", ".join(line.strip() for line in changed[:5])
            raise NotApplied(f"{self.top} has changes that are not committed ({names}): commit or stash them first")
        for name, what in HALF_DONE.items():
            if (self.top / self._git("rev-parse", "--git-path", name)).exists():
                raise NotApplied(f"{what} is going on in {self.top}: finish it first, or git says how to abort it")

    def ask_for_identity(self) -> None:
        """Raises NotApplied where git does not know who commits."""
        if not all(self._says("var", f"GIT_{role}_IDENT") for role in ("AUTHOR", "COMMITTER")):
            raise NotApplied(
                'git does not know who you are: git config --global user.name "Your Name" and '
                "git config --global user.email you@example.org"
            )

    def branch(self, name: str) -> str | None:
        """The commit that it is at, None if there is no such branch."""
        found = self._says("rev-parse", "-q", "--verify", f"refs/heads/{name}^{{commit}}")
        return self._git("rev-parse", f"refs/heads/{name}") if found else None

    def commit(self, file: Path, content: bytes, message: str, branch: str) -> str:
        """A commit on top of where the user is, in which only this file differs; a new branch is at it.

        Nothing of it shows in the user's files, index or other branches.
        """
        name = file.relative_to(self.top).as_posix()
        listed = self._git("ls-files", "--stage", "--", f":(literal,top){name}").split()
        if not listed:
            raise NotApplied(f"{file} is not in git: git add and git commit it first")
        if not self._says("check-ref-format", "--branch", branch):
            raise NotApplied(f'"{branch}" is no name for a branch: name another with --branch')
        if self.branch(branch):
            raise NotApplied(f"there is a branch {branch} already: git switch {branch}, or name another with --branch")
        before = self._git("rev-parse", "HEAD")
        with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
            written, index = Path(folder, "content"), {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            how = self._filters(name, file, self._git("rev-parse", f"HEAD:{name}"))
            written.write_bytes(content)
            blob = self._git("hash-object", "-w", *how, str(written))
            self._git("read-tree", "HEAD", more=index)
            self._git("update-index", "--cacheinfo", f"{listed[0]},{blob},{name}", more=index)
            tree = self._git("write-tree", more=index)
        commit = self._git("commit-tree", tree, "-p", before, "-m", message)
        self._git("update-ref", "-m", "workbench apply", f"refs/heads/{branch}", commit, "0" * len(commit))
        return commit

    def go(self, where: str, file: Path, content: bytes, *, detach: bool = False) -> None:
        """Check it out, and see that the file has these bytes: a filter of the user's may not give them back."""
        self._git("checkout", "-q", *(["--detach", where] if detach else [where]), "--")
        if file.read_bytes() != content:
            write_whole(file, content, mode=file.stat().st_mode)
            self._git("add", "--", str(file))

    def delete(self, branch: str, commit: str) -> None:
        """Only if it is still at this commit."""
        self._git("update-ref", "-d", f"refs/heads/{branch}", commit)

    def _filters(self, name: str, file: Path, blob: str) -> list[str]:
        """How git makes what it keeps from what is in the file, as far as it does so without touching more."""
        for how in ([f"--path={name}"], ["--no-filters"]):
            if self._git("hash-object", *how, str(file)) == blob:
                return how
        raise NotApplied(
            f"{file} is not what git has of it, though git says so: look at its attributes and index flags"
        )

    def _says(self, *arguments: str) -> bool:
        return self._run(*arguments).exit_code == 0

    def _git(self, *arguments: str, more: Mapping[str, str] | None = None) -> str:
        """
        Raises:
            NotApplied: with what git said.
        """
        done = self._run(*arguments, more=more)
        if done.exit_code != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            why = "it did not end" if done.timed_out else said[0] if said else f"exit code {done.exit_code}"
            raise NotApplied(f"git {arguments[0]} failed in {self.top}: {why}")
        return done.stdout.decode(errors="surrogateescape").rstrip("\n")

    def _run(self, *arguments: str, more: Mapping[str, str] | None = None) -> process.Finished:
        command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false", *arguments]
        try:
            return process.run(command, cwd=self.top, env={**self._env, **(more or {})}, timeout=SECONDS)
        except (FileNotFoundError, PermissionError) as error:
            raise NotApplied("git is not on the PATH: install it, or see the change with --dry-run") from error
