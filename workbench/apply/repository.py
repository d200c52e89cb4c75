"""Changes the user's git repository: adds one commit on a new branch, checks it out, and goes back.

The commit is built in a temporary index, so that nothing is visible before the commit is complete.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.apply.git import Git
from workbench.apply.status import BRANCHES, Head, Status, read_status
from workbench.errors import NotApplied
from workbench.system.files import write_atomically
from workbench.system.temporary import OwnedFolder

#: The beginning of a pattern that matches one branch exactly. Git takes a pattern without brackets for a folder, too.
EXACTLY = "refs/[h]eads/"
#: How many earlier versions of a file are looked at.
VERSIONS = 50


@dataclass(frozen=True)
class StoredFile:
    """How a commit holds a file.

    Attributes:
        commit: the commit.
        name: the file's path within the repository.
        mode: the file's mode as git writes it.
        options: the options with which `git hash-object` stores the file's content.
    """

    commit: str
    name: str
    mode: str
    options: tuple[str, ...]


class Repository:
    """The git repository that contains a folder. Each method runs one or more git processes.

    A parameter `name` is the path of a file within the repository.

    Attributes:
        top: the repository's top folder.
        git_folder: git's own folder for this worktree.
        git: runs git in the top folder.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        """Find the repository that contains `folder`.

        Raises:
            NotApplied: git is not installed, or the folder is in no repository.
        """
        # The answer "false" stands between the paths, because a path may contain line breaks.
        questions = ("--show-toplevel", "--is-bare-repository", "--absolute-git-dir")
        top, _, git_folder = Git(folder, environ).text("rev-parse", *questions).partition("\nfalse\n")
        self.top, self.git_folder = Path(top), Path(git_folder)
        self.git = Git(self.top, environ)

    def status(self) -> Status:
        """Return what is checked out, and the uncommitted changes. Files that git does not track are ignored.

        Raises:
            NotApplied: the repository has no commit.
        """
        status = read_status(
            self.git.text("status", "--porcelain=v2", "--branch", "--no-ahead-behind", "--untracked-files=no")
        )
        if status is None:
            raise NotApplied(f"{self.top} has no commit yet: commit the pipeline file first")
        return status

    def name(self, file: Path) -> str:
        """Return the path of `file` within the repository. Links among its folders are resolved, as git does."""
        return (file.parent.resolve() / file.name).relative_to(self.top.resolve()).as_posix()

    def has_branch(self, name: str) -> bool:
        """Return True if the branch exists and its commit, too."""
        return self._has_commit(BRANCHES + name)

    def entry(self, commit: str, name: str) -> str:
        """Return git's line about a file in a commit (mode and content hash).

        Return "" if the repository lacks the commit, or the commit lacks the file.
        """
        try:
            return self.git.text("ls-tree", commit, "--", f":(literal,top){name}")
        except NotApplied:
            if self._has_commit(commit):
                raise
            return ""

    def versions(self, name: str, commit: str | None) -> Iterator[bytes]:
        """Yield the contents of a file in this commit and in the newest commits that changed the file.

        A content is what git would check out. A commit that the clone lacks is left out.
        """
        log = self.git.run("log", f"-{VERSIONS}", "--format=%H", "HEAD", "--", f":(literal,top){name}")
        for version in dict.fromkeys([*([commit] if commit else []), *log.stdout.decode().split()]):
            content = self.git.run("cat-file", "--filters", f"{version}:{name}")
            if content.exit_code == 0:
                yield content.stdout

    def stored(self, commit: str, name: str, content: bytes) -> StoredFile:
        """Return how a commit holds the file with this content.

        Raises:
            NotApplied: the commit lacks the file, or holds other content.
        """
        listed = self.entry(commit, name).split()
        if not listed:
            raise NotApplied(f"{self.top / name} is not in git: git add and git commit it first")
        mode, _, blob, *_ = listed
        return StoredFile(commit, name, mode, self._filter_options(name, content, blob))

    def commit(self, stored: StoredFile, content: bytes, message: str) -> str:
        """Create a commit that gives a stored file new content, on top of the file's commit. Return its hash.

        No branch points to the new commit. The user's files, index and branches do not change.

        Raises:
            NotApplied: git failed.
        """
        with OwnedFolder("git") as folder:
            index = {"GIT_INDEX_FILE": str(folder / "index")}
            blob = self._hash(content, "-w", *stored.options)
            self.git.text("read-tree", stored.commit, variables=index)
            self.git.text("update-index", "--cacheinfo", f"{stored.mode},{blob},{stored.name}", variables=index)
            tree = self.git.text("write-tree", variables=index)
        # Unlike `git commit`, `git commit-tree` does not read commit.gpgsign.
        sign = self.git.run("config", "--type=bool", "--get", "commit.gpgsign").stdout.strip() == b"true"
        return self.git.text("commit-tree", tree, "-p", stored.commit, *(["-S"] if sign else []), "-m", message)

    def add_branch(self, branch: str, commit: str) -> None:
        """Create a branch at `commit`. Git fails if the branch exists, so that no branch is ever moved."""
        self.git.text("update-ref", "-m", "workbench apply", BRANCHES + branch, commit, "0" * len(commit))

    def delete_branch(self, branch: str, commit: str) -> bool:
        """Delete a branch if it is still at `commit` and checked out in no worktree. Return False if it is kept."""
        state = self.git.text("for-each-ref", "--format=%(objectname) %(worktreepath)", EXACTLY + branch)
        if state and state.split(" ", 1) != [commit, ""]:
            return False
        if state:
            self.git.text("update-ref", "-d", BRANCHES + branch, commit)
        return True

    def checkout(self, head: Head) -> None:
        """Check out a branch, or a commit on no branch."""
        self.git.text("checkout", "-q", *([head.branch] if head.branch else ["--detach", head.commit]), "--")

    def restore_file(self, name: str, content: bytes, mode: int | None) -> bool:
        """Write the exact bytes and mode of a file, which filters and checkouts can change. Return True on success.

        The file is written only if git would store `content` as the blob that HEAD has. Therefore nobody's work is
        overwritten. If `mode` disagrees with git about the executable bit, the mode that git set stays, unless git is
        told to ignore this bit (`core.fileMode=false`).
        """
        file = self.top / name
        try:
            current_mode = file.stat().st_mode
            mode = current_mode if mode is None else mode
            if (mode ^ current_mode) & stat.S_IXUSR and self._tracks_modes():
                mode = current_mode
            if file.read_bytes() != content:
                if self._hash(content, f"--path={name}") != self.git.text("rev-parse", f"HEAD:{name}"):
                    return False
                write_atomically(file, content, mode=mode)
                # This stages no change. It only makes git note the new size and time.
                self.git.text("add", "--", f":(literal,top){name}")
            elif current_mode != mode:
                file.chmod(mode & 0o7777)
        except (OSError, NotApplied):
            return False
        return True

    def _tracks_modes(self) -> bool:
        """Return True if git compares the executable bit of files with the bit that it has stored."""
        return self.git.run("config", "--type=bool", "--get", "core.fileMode").stdout.strip() != b"false"

    def _filter_options(self, name: str, content: bytes, blob: str) -> tuple[str, ...]:
        """Return the options with which `git hash-object` turns the file's `content` into the stored `blob`.

        Git may convert line ends and apply filters, or store a file as it is.

        Raises:
            NotApplied: neither way gives the stored blob.
        """
        for options in ((f"--path={name}",), ("--no-filters",)):
            if self._hash(content, *options) == blob:
                return options
        raise NotApplied(
            f"{self.top / name} differs from what git has stored, although git reports no change: "
            "check the file's git attributes and index flags"
        )

    def _hash(self, content: bytes, *options: str) -> str:
        with OwnedFolder("git") as folder:
            file = folder / "content"
            file.write_bytes(content)
            return self.git.text("hash-object", *options, str(file))

    def _has_commit(self, name: str) -> bool:
        """Return True if the name stands for a commit of the repository."""
        return self.git.run("rev-parse", "-q", "--verify", f"{name}^{{commit}}").exit_code == 0
