"""The user's git repository, as far as a prompt is put into it: one commit on a new branch, and back.

git is called as a program, without a shell and without the user's hooks: a formatter would change more than the prompt.
The commit is made beside the user's index, so that nothing shows before all of it is there.
"""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import NotApplied
from workbench.system import process
from workbench.system.files import write_atomically

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
    "BISECT_LOG": "a bisection",
}
#: A full name of a branch begins so. Short ones are not asked for: beside a tag of the same name git says heads/NAME.
BRANCHES = "refs/heads/"


@dataclass(frozen=True)
class Head:
    """Where the user is: on a branch, or (None) on a commit of no branch."""

    branch: str | None
    commit: str

    def __str__(self) -> str:
        return self.branch or self.commit


class Repository:
    """The repository that a folder is in; every call is a git process of its own. `name` is a file's path in it."""

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
        branch = self._git("symbolic-ref", "HEAD").removeprefix(BRANCHES) if named else None
        return Head(branch, self._git("rev-parse", "HEAD"))

    def name(self, file: Path) -> str:
        """The file's path here: git goes by real folders, whatever links lead to them."""
        return (file.parent.resolve() / file.name).relative_to(self.top.resolve()).as_posix()

    def changes(self) -> str:
        """What is not committed, for a message; files that git does not know are nobody's business here."""
        changed = self._git("status", "--porcelain=v1", "--untracked-files=no").splitlines()
        return ", ".join(line.strip() for line in changed[:5])

    def ask_for_clean(self) -> None:
        """
        Raises:
            NotApplied: there are changes that are not committed, or something is half done.
        """
        if changes := self.changes():
            raise NotApplied(f"{self.top} has changes that are not committed ({changes}): commit or stash them first")
        for name, what in HALF_DONE.items():
            if (self.top / self._git("rev-parse", "--git-path", name)).exists():
                raise NotApplied(f"{what} is going on in {self.top}: finish it first, or git says how to abort it")

    def ask_for_identity(self) -> None:
        """Raises NotApplied where git cannot say who commits, and when."""
        for role in ("AUTHOR", "COMMITTER"):
            done = self._run("var", f"GIT_{role}_IDENT")
            if done.exit_code != 0:
                raise NotApplied(
                    f"git cannot say who commits ({_words(done)}). If it does not know who you are: "
                    'git config --global user.name "Your Name" and git config --global user.email you@example.org'
                )

    def ask_for_name(self, branch: str) -> None:
        """Raises NotApplied where no new branch can have this name."""
        if branch.startswith("-") or branch == "HEAD" or not self._says("check-ref-format", BRANCHES + branch):
            raise NotApplied(f'"{branch}" is no name for a branch: name another with --branch')
        if self.branch(branch):
            raise NotApplied(f"there is a branch {branch} already: git switch {branch}, or name another with --branch")
        # git keeps a branch as a file in a folder, and no file is a folder as well.
        parts = branch.split("/")
        above = [name for n in range(1, len(parts)) if self.branch(name := "/".join(parts[:n]))]
        below = self._git("for-each-ref", "--count=1", "--format=%(refname)", f"{BRANCHES}{branch}/")
        if beside := [*above, *([below.removeprefix(BRANCHES)] if below else [])]:
            raise NotApplied(
                f"there is a branch {beside[0]}, and git has no {branch} beside it: name another with --branch"
            )

    def branch(self, name: str) -> str | None:
        """The commit that it is at, None if there is no such branch."""
        found = self._says("rev-parse", "-q", "--verify", f"{BRANCHES}{name}^{{commit}}")
        return self._git("rev-parse", BRANCHES + name) if found else None

    def entry(self, commit: str, name: str) -> str:
        """Mode and content of a file as a commit has it, in git's words; empty where it has none."""
        there = self._says("rev-parse", "-q", "--verify", f"{commit}^{{commit}}")
        return self._git("ls-tree", commit, "--", f":(literal,top){name}") if there else ""

    def commit(self, name: str, before: bytes, after: bytes, message: str) -> str:
        """A commit on top of where the user is, in which only this file differs. No branch is at it.

        Nothing of it shows in the user's files, index or branches.
        """
        listed = self._git("ls-files", "--stage", "--", f":(literal,top){name}").split()
        if not listed:
            raise NotApplied(f"{self.top / name} is not in git: git add and git commit it first")
        with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            how = self._filters(name, before, self._git("rev-parse", f"HEAD:{name}"))
            blob = self._hashed(after, "-w", *how)
            self._git("read-tree", "HEAD", more=index)
            self._git("update-index", "--cacheinfo", f"{listed[0]},{blob},{name}", more=index)
            tree = self._git("write-tree", more=index)
        # commit-tree signs only what it is told to.
        signed = self._run("config", "--type=bool", "--get", "commit.gpgsign").stdout.strip() == b"true"
        return self._git("commit-tree", tree, "-p", "HEAD", *(["-S"] if signed else []), "-m", message)

    def add(self, branch: str, commit: str) -> None:
        """A new branch; an old one of this name is never moved."""
        self._git("update-ref", "-m", "workbench apply", BRANCHES + branch, commit, "0" * len(commit))

    def delete(self, branch: str, commit: str) -> bool:
        """Only if it is still at this commit, and no worktree is on it; whether it is gone."""
        here = self._git("for-each-ref", "--format=%(objectname) %(worktreepath)", BRANCHES + branch).split(" ", 1)
        if here != [commit, ""]:
            return False
        self._git("update-ref", "-d", BRANCHES + branch, commit)
        return True

    def go(self, where: Head) -> Head:
        """Check it out; its commit where there is no such branch any more. Where the user is now."""
        known = where.branch and self.branch(where.branch)
        self._git("checkout", "-q", *([str(where.branch)] if known else ["--detach", where.commit]), "--")
        return self.head()

    def give_back(self, name: str, content: bytes, mode: int | None) -> bool:
        """The very bytes and mode of a file, which a filter or a checkout may not give. Whether it has them now.

        Only where git takes these bytes for what it has: nobody's work is written over.
        """
        file = self.top / name
        try:
            given = file.stat().st_mode
            # Whether it can be executed is git's own to say.
            mode = given if mode is None or (mode ^ given) & stat.S_IXUSR else mode
            if file.read_bytes() != content:
                if self._hashed(content, f"--path={name}") != self._git("rev-parse", f"HEAD:{name}"):
                    return False
                write_atomically(file, content, mode=mode)
                # It stages nothing: git only notes the new size and time.
                self._git("add", "--", f":(literal,top){name}")
            elif given != mode:
                file.chmod(mode & 0o7777)
        except (OSError, NotApplied):
            return False
        return True

    def _filters(self, name: str, content: bytes, blob: str) -> list[str]:
        """How git makes what it keeps from what is in the file, as far as it does so without touching more."""
        for how in ([f"--path={name}"], ["--no-filters"]):
            if self._hashed(content, *how) == blob:
                return how
        raise NotApplied(
            f"{self.top / name} is not what git has of it, though git says so: look at its attributes and index flags"
        )

    def _hashed(self, content: bytes, *how: str) -> str:
        with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
            written = Path(folder, "content")
            written.write_bytes(content)
            return self._git("hash-object", *how, str(written))

    def _says(self, *arguments: str) -> bool:
        return self._run(*arguments).exit_code == 0

    def _git(self, *arguments: str, more: Mapping[str, str] | None = None) -> str:
        """
        Raises:
            NotApplied: with what git said.
        """
        done = self._run(*arguments, more=more)
        if done.exit_code != 0:
            raise NotApplied(f"git {arguments[0]} failed in {self.top}: {_words(done)}")
        return done.stdout.decode(errors="surrogateescape").rstrip("\n")

    def _run(self, *arguments: str, more: Mapping[str, str] | None = None) -> process.Finished:
        command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false", *arguments]
        try:
            return process.run(command, cwd=self.top, env={**self._env, **(more or {})}, timeout=SECONDS)
        except OSError as error:
            if error.filename != "git":
                why = f"{error.filename}: {error.strerror}" if error.filename else error
                raise NotApplied(f"git cannot be started ({why})") from error
            raise NotApplied("git is not on the PATH: install it, or see the change with --dry-run") from error


def _words(done: process.Finished) -> str:
    """Why it failed, as git says it: what is fatal before what leads up to it."""
    said = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    fatal = [line.removeprefix("fatal: ") for line in said if line.startswith("fatal: ")]
    return "it did not end" if done.timed_out else next(iter([*fatal, *said]), f"exit code {done.exit_code}")
