"""Changes the user's git repository: adds one commit on a new branch, checks it out, and goes back.

The `git` program is called without a shell. The user's hooks do not run, because a formatter would change more than the
prompt. The commit is built in a temporary index, so that nothing is visible before the commit is complete.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.apply.status import BRANCHES, Head, Status, read_status
from workbench.errors import NotApplied
from workbench.system import git, process
from workbench.system.files import write_atomically
from workbench.system.temporary import OwnedFolder

#: The files in git's folder of this worktree that show an unfinished operation, and the name of the operation.
UNFINISHED = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "BISECT_LOG": "a bisection",
}


#: The beginning of a pattern that matches one branch exactly. Git takes a pattern without brackets for a folder, too.
EXACTLY = "refs/[h]eads/"


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

    A parameter `name` is the path of a file within the repository. `top` is the repository's top folder.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        """Find the repository that contains `folder`.

        Raises:
            NotApplied: git is not installed, or the folder is in no repository.
        """
        self._environ = environ
        self.top = folder
        # The answer "false" stands between the paths, because a path may contain line breaks.
        questions = ("--show-toplevel", "--is-bare-repository", "--absolute-git-dir")
        top, _, git_folder = self._git("rev-parse", *questions).partition("\nfalse\n")
        self.top, self._git_folder = Path(top), Path(git_folder)

    def status(self) -> Status:
        """Return what is checked out, and the uncommitted changes. Files that git does not track are ignored.

        Raises:
            NotApplied: the repository has no commit.
        """
        status = read_status(
            self._git("status", "--porcelain=v2", "--branch", "--no-ahead-behind", "--untracked-files=no")
        )
        if status is None:
            raise NotApplied(f"{self.top} has no commit yet: commit the pipeline file first")
        return status

    def clean_head(self) -> Head:
        """Return what is checked out. Check that nothing is uncommitted and that no operation is unfinished.

        Raises:
            NotApplied: the repository has no commit, has uncommitted changes, or an operation such as a merge is
                unfinished.
        """
        status = self.status()
        if status.changes:
            raise NotApplied(
                f"{self.top} has changes that are not committed ({status.changes}): commit or stash them first"
            )
        for name, operation in UNFINISHED.items():
            if (self._git_folder / name).exists():
                raise NotApplied(
                    f"{operation} is going on in {self.top}: finish or abort it first (git status says how)"
                )
        return status.head

    def name(self, file: Path) -> str:
        """Return the path of `file` within the repository. Links among its folders are resolved, as git does."""
        return (file.parent.resolve() / file.name).relative_to(self.top.resolve()).as_posix()

    def require_identity(self) -> None:
        """Check that git knows the author, the committer and the date of a new commit.

        Raises:
            NotApplied: git does not know them.
        """
        for role in ("AUTHOR", "COMMITTER"):
            result = self._run("var", f"GIT_{role}_IDENT")
            if result.exit_code != 0:
                raise NotApplied(
                    f"git cannot tell who commits ({git.reason(result)}). If git does not know your name, run "
                    'git config --global user.name "Your Name" and git config --global user.email you@example.org'
                )

    def require_new_branch_name(self, branch: str) -> None:
        """Check that a new branch can have this name.

        Raises:
            NotApplied: the name is invalid or taken, or git cannot hold it beside an existing branch.
        """
        if branch.startswith("-") or branch == "HEAD" or self._answer("check-ref-format", BRANCHES + branch) is None:
            raise NotApplied(f'"{branch}" is not a valid branch name: choose another name with --branch')
        # Git cannot hold the branches `a` and `a/b` at the same time. Git takes the last pattern for a folder, too.
        parts = branch.split("/")
        patterns = [*(EXACTLY + "/".join(parts[:n]) for n in range(1, len(parts))), BRANCHES + branch]
        refs = self._git("for-each-ref", "--format=%(refname)", *patterns).split("\n")
        existing = [ref.removeprefix(BRANCHES) for ref in refs if ref]
        if branch in existing:
            raise NotApplied(
                f"the branch {branch} exists already: git switch {branch}, or choose another name with --branch"
            )
        if existing:
            raise NotApplied(
                f"the branch {existing[0]} exists, and git cannot hold a branch {branch} at the same time: "
                "choose another name with --branch"
            )

    def has_branch(self, name: str) -> bool:
        """Return True if the branch exists and its commit, too."""
        return self._has_commit(BRANCHES + name)

    def entry(self, commit: str, name: str) -> str:
        """Return git's line about a file in a commit (mode and content hash).

        Return "" if the repository lacks the commit, or the commit lacks the file.
        """
        try:
            return self._git("ls-tree", commit, "--", f":(literal,top){name}")
        except NotApplied:
            if self._has_commit(commit):
                raise
            return ""

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
            self._git("read-tree", stored.commit, variables=index)
            self._git("update-index", "--cacheinfo", f"{stored.mode},{blob},{stored.name}", variables=index)
            tree = self._git("write-tree", variables=index)
        # Unlike `git commit`, `git commit-tree` does not read commit.gpgsign.
        sign = self._run("config", "--type=bool", "--get", "commit.gpgsign").stdout.strip() == b"true"
        return self._git("commit-tree", tree, "-p", stored.commit, *(["-S"] if sign else []), "-m", message)

    def require_head(self, head: Head) -> None:
        """Check that what was checked out still is. Otherwise a new branch would lack a colleague's commit.

        Raises:
            NotApplied: another branch or commit is checked out.
        """
        expected = f"{head.commit}\n{BRANCHES + head.branch if head.branch else 'HEAD'}"
        if self._git("rev-parse", "HEAD", "--symbolic-full-name", "HEAD") != expected:
            raise NotApplied(
                f"{self.top} is not at commit {head.commit[:12]} of {head.branch or 'no branch'} any more: somebody "
                "committed or switched the branch meanwhile, and nothing was changed; run the command again"
            )

    def add_branch(self, branch: str, commit: str) -> None:
        """Create a branch at `commit`. Git fails if the branch exists, so that no branch is ever moved."""
        self._git("update-ref", "-m", "workbench apply", BRANCHES + branch, commit, "0" * len(commit))

    def delete_branch(self, branch: str, commit: str) -> bool:
        """Delete a branch if it is still at `commit` and checked out in no worktree. Return False if it is kept."""
        state = self._git("for-each-ref", "--format=%(objectname) %(worktreepath)", EXACTLY + branch)
        if state and state.split(" ", 1) != [commit, ""]:
            return False
        if state:
            self._git("update-ref", "-d", BRANCHES + branch, commit)
        return True

    def checkout(self, head: Head) -> None:
        """Check out a branch, or a commit on no branch."""
        self._git("checkout", "-q", *([head.branch] if head.branch else ["--detach", head.commit]), "--")

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
                if self._hash(content, f"--path={name}") != self._git("rev-parse", f"HEAD:{name}"):
                    return False
                write_atomically(file, content, mode=mode)
                # This stages no change. It only makes git note the new size and time.
                self._git("add", "--", f":(literal,top){name}")
            elif current_mode != mode:
                file.chmod(mode & 0o7777)
        except (OSError, NotApplied):
            return False
        return True

    def _tracks_modes(self) -> bool:
        """Return True if git compares the executable bit of files with the bit that it has stored."""
        return self._run("config", "--type=bool", "--get", "core.fileMode").stdout.strip() != b"false"

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
            return self._git("hash-object", *options, str(file))

    def _has_commit(self, name: str) -> bool:
        """Return True if the name stands for a commit of the repository."""
        return self._answer("rev-parse", "-q", "--verify", f"{name}^{{commit}}") is not None

    def _answer(self, *arguments: str) -> str | None:
        """Return what git prints, without the final newline. None if git does not succeed."""
        result = self._run(*arguments)
        return _text(result) if result.exit_code == 0 else None

    def _git(self, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
        """Run git with these additional environment variables. Return its output without the final newline.

        Raises:
            NotApplied: git failed; the message contains git's own words.
        """
        result = self._run(*arguments, variables=variables)
        if result.exit_code != 0:
            raise NotApplied(f"git {arguments[0]} failed in {self.top}: {git.reason(result)}")
        return _text(result)

    def _run(self, *arguments: str, variables: Mapping[str, str] | None = None) -> process.Finished:
        """Run git with these additional environment variables.

        Raises:
            NotApplied: git cannot be started.
        """
        try:
            return git.run(self.top, *arguments, environ=self._environ, variables=variables or {})
        except OSError as error:
            if error.filename != "git":
                reason = f"{error.filename}: {error.strerror}" if error.filename else error
                raise NotApplied(f"git cannot be started ({reason})") from error
            raise NotApplied("git is not on the PATH: install it") from error


def _text(result: process.Finished) -> str:
    """Return git's output without the final newline."""
    return result.stdout.decode(errors="surrogateescape").rstrip("\n")
