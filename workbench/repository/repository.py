"""Looks at a git repository: its branches, the paths that changed between two commits, and the files of a commit.

`workbench.repository.opening` opens a repository. Workbench pushes nothing, and changes no branch.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from workbench.errors import UserError
from workbench.repository.addresses import normalized
from workbench.system import git
from workbench.system.locks import try_lock

#: What git and Python read differently in a part of a pattern: a backslash, `[^a]`, `[[:alpha:]]`, and a `[` that has
#: no `]` in the same part.
GITS_OWN = re.compile(rb"\\|\[\^|\[:|\[[^]]*$")
#: The mode of a submodule.
SUBMODULE = "160000"


@dataclass(frozen=True)
class Repository:
    """A git repository.

    Attributes:
        address: the folder's path, or the URL without a password.
        name: the last part of the address.
        folder: the folder in which git runs: the repository itself, or the copy of a repository with a URL.
        is_local: True if the address is a folder.
    """

    address: str
    name: str
    folder: Path
    is_local: bool
    environ: Mapping[str, str] = field(repr=False, compare=False)

    @property
    def identity(self) -> str:
        """Return a text that is the same for all URLs of the repository."""
        return self.address if self.is_local else normalized(self.address)

    def branch(self, name: str) -> str:
        """Return the branch that a name stands for: for `HEAD`, the branch that is checked out, if there is one."""
        if name != "HEAD":
            return name
        result = git.run(self.folder, "symbolic-ref", "-q", "--short", "HEAD", environ=self.environ)
        return result.stdout.decode().strip() if result.exit_code == 0 else name

    def head(self, branch: str) -> str:
        """Return the newest commit of a branch. `HEAD` names the checked-out branch, and in a copy the default branch.

        Raises:
            UserError: the branch does not exist.
        """
        name = "HEAD" if branch == "HEAD" else f"refs/heads/{branch}"
        result = git.run(self.folder, "rev-parse", "-q", "--verify", f"{name}^{{commit}}", environ=self.environ)
        if result.exit_code != 0:
            names = self._git("for-each-ref", "--format=%(refname:short)", "--count=20", "refs/heads/").splitlines()
            raise UserError(
                f"{self.address} has no branch {branch}; expected one of {', '.join(names) or 'its branches'}: "
                "name one of them, or push this branch"
            )
        return result.stdout.decode().strip()

    def commit(self, name: str) -> str:
        """Return the full hash of a commit.

        Raises:
            UserError: the repository has no such commit.
        """
        result = git.run(
            self.folder, "rev-parse", "-q", "--verify", "--end-of-options", f"{name}^{{commit}}", environ=self.environ
        )
        if result.exit_code != 0:
            raise UserError(
                f"{self.address} has no commit {name}; expected a commit that was pushed to it: push it, or name "
                "another one"
            )
        return result.stdout.decode().strip()

    def changed_paths(self, old: str | None, new: str, globs: Sequence[str] = ()) -> list[str]:
        """Return the paths that differ between two commits. Without an old commit, return all paths of the new one.

        Args:
            globs: only paths that match one of these patterns, in which `**` stands for any folders. A submodule with
                another commit also matches a pattern of files inside it.
        """
        # All patterns begin at the top of the repository, so `/notes.md` and `./notes.md` mean `notes.md`.
        patterns = [re.sub(r"^(?:[.]?/)+", "", pattern) for pattern in globs]
        if old is None:
            return self._diff(self._empty_tree(), new, patterns)
        try:
            return self._diff(f"{old}^{{commit}}", new, patterns)
        except UserError:
            if self._succeeds("cat-file", "-e", f"{old}^{{commit}}"):
                raise
            # After a forced push, git may have removed the old commit. Then every path may have changed.
            return self._diff(self._empty_tree(), new, patterns)

    def _empty_tree(self) -> str:
        """Return the hash of the empty tree. Git knows it without a file, in SHA-1 as in SHA-256."""
        return self._git("hash-object", "-t", "tree", os.devnull)

    def _diff(self, old: str, new: str, patterns: Sequence[str]) -> list[str]:
        """Return the paths that differ between two commits, and match a pattern if there is one."""
        # Without this option, a setting of the repository or of its owner may hide submodules.
        options = ("-z", "--no-renames", "--ignore-submodules=none", old, new, "--")
        output = self._git("diff", "--name-only", *options, *(f":(top,glob){pattern}" for pattern in patterns))
        paths = [path for path in output.split("\0") if path]
        if not patterns:
            return paths
        # Git names a submodule by the path of its folder, so `inner/**` does not match the submodule `inner`.
        fields = self._git("diff", "--raw", *options).split("\0")
        # Each path comes after a field such as ":160000 160000 OLD NEW M", which begins with its two modes.
        changes = zip(fields[::2], fields[1::2], strict=False)
        submodules = [path for modes, path in changes if SUBMODULE in modes.removeprefix(":").split()[:2]]
        inside = [path for path in submodules if any(_may_match_inside(pattern, path) for pattern in patterns)]
        return sorted({*paths, *inside})

    def is_ancestor(self, old: str, new: str) -> bool:
        """Return True if the old commit is in the history of the new one."""
        return self._succeeds("merge-base", "--is-ancestor", old, new)

    def parent(self, commit: str) -> str | None:
        """Return the first parent of a commit, or None."""
        result = git.run(self.folder, "rev-parse", "-q", "--verify", f"{commit}^^{{commit}}", environ=self.environ)
        return result.stdout.decode().strip() if result.exit_code == 0 else None

    @contextmanager
    def checked_out(self, commit: str, folder: Path) -> Iterator[Path]:
        """Yield a folder with the files of a commit: a git worktree, which is removed when the block ends.

        Worktrees beside it that a killed process has left are removed, too.

        Raises:
            UserError: the repository has no such commit, git cannot check it out, or another process uses the folder.
        """
        commit = self.commit(commit)
        folder.parent.mkdir(parents=True, exist_ok=True)
        for other in folder.parent.glob("*/"):
            if (release := try_lock(_lock(other))) is not None:
                _remove(other)
                release()
        release = try_lock(_lock(folder))
        if release is None:
            raise UserError(f"{folder} is in use; expected no other run with the same name: wait for its end")
        try:
            self._git("worktree", "add", "--quiet", "--force", "--force", "--detach", str(folder), commit)
            yield folder
        finally:
            _remove(folder)
            release()

    def _succeeds(self, *arguments: str) -> bool:
        return git.run(self.folder, *arguments, environ=self.environ).exit_code == 0

    def _git(self, *arguments: str) -> str:
        result = git.run(self.folder, *arguments, environ=self.environ)
        if result.exit_code != 0:
            raise UserError(f"git {arguments[0]} failed in {self.address}: {git.reason(result)}")
        return result.stdout.decode(errors="surrogateescape").rstrip("\n")


def _may_match_inside(pattern: str, folder: str) -> bool:
    """Return True if a pattern can match the path of a file inside a folder.

    A part of the pattern that only git can read counts as matching. One event too many is better than a missed one.
    """
    # Git compares bytes: `?` is half an umlaut.
    parts, names = (os.fsencode(text).split(b"/") for text in (pattern, folder))
    for part, name in zip(parts, names, strict=False):
        # Git lets `a**b` stand for folders, too, although its manual says so only of `**`.
        start, stars, _ = part.partition(b"**")
        if not GITS_OWN.search(start) and not fnmatchcase(name, start + stars):
            return False
        if stars:
            return True
    return len(parts) > len(names)


def path_inside(text: str) -> PurePosixPath | None:
    """Return the path of a file inside a repository, or None if it leads out of the repository or names no file."""
    path = PurePosixPath(text)
    return None if path.is_absolute() or ".." in path.parts or not path.parts else path


def _lock(folder: Path) -> Path:
    """Return the file whose lock says that a process uses a worktree."""
    return folder.with_name(f"{folder.name}.lock")


def _remove(folder: Path) -> None:
    """Remove a worktree and what its repository knows about it, as `git worktree remove --force` does.

    No program is started, because an interrupted run may start none. The worktree may belong to any repository, or be
    an ordinary folder.
    """
    record = _record_of(folder)
    shutil.rmtree(folder, ignore_errors=True)
    if record is not None:
        shutil.rmtree(record, ignore_errors=True)
        with suppress(OSError):
            record.parent.rmdir()


def _record_of(folder: Path) -> Path | None:
    """Return the folder `.git/worktrees/NAME` in which a repository keeps what it knows about a worktree, or None.

    The worktree names this folder, and the folder names the worktree. Without both, nothing is returned.
    """
    try:
        record = folder / (folder / ".git").read_text(encoding="utf-8").removeprefix("gitdir: ").rstrip("\n")
        worktree = record / (record / "gitdir").read_text(encoding="utf-8").rstrip("\n")
    except (OSError, ValueError):
        return None
    is_record = record.parent.name == "worktrees" and worktree.resolve() == (folder / ".git").resolve()
    return record if is_record else None
