"""Looks at a git repository: its branches, the paths that changed between two commits, and the files of a commit.

A local repository with files is read where it is. A repository with a URL, or a folder without files (a bare
repository), is copied to WORKBENCH_HOME, and the copy is brought up to date before each look. Workbench pushes nothing,
and changes no branch.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from workbench.errors import RepositoryFailed, UserError, WorkbenchError
from workbench.providers import digest
from workbench.system import git
from workbench.system.files import exclusive_lock, try_lock

#: The time limit of a clone or a fetch.
FETCH_SECONDS = 600.0
#: The beginning of a repository's URL: a scheme, or `user@host:` as ssh takes it.
URL = re.compile(r"(https?|ssh|git|file)://|[\w.-]+@[\w.-]+:")
#: The hash of git's empty tree, which every repository knows.
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


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
        result = git.run(self.folder, "symbolic-ref", "-q", "--short", "HEAD", environ=self.environ)
        return result.stdout.decode().strip() if name == "HEAD" and result.exit_code == 0 else name

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
                f"{self.address} has no branch {branch}; expected one of {', '.join(names) or 'its branches'}"
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
            raise UserError(f"{self.address} has no commit {name}; expected a commit that was pushed to it")
        return result.stdout.decode().strip()

    def changed_paths(self, old: str | None, new: str, globs: Sequence[str] = ()) -> list[str]:
        """Return the paths that differ between two commits. Without an old commit, return all paths of the new one.

        Args:
            globs: only paths that match one of these patterns, in which `**` stands for any folders.
        """
        is_known = old is not None and self._succeeds("cat-file", "-e", f"{old}^{{commit}}")
        # All patterns begin at the top of the repository, so `/notes.md` and `./notes.md` mean `notes.md`.
        patterns = [f":(top,glob){re.sub(r'^(?:[.]?/)+', '', pattern)}" for pattern in globs]
        # After a forced push, git may have removed the old commit. Then every path may have changed.
        output = self._git(
            "diff", "--name-only", "-z", "--no-renames", str(old) if is_known else EMPTY_TREE, new, "--", *patterns
        )
        return [path for path in output.split("\0") if path]

    def is_ancestor(self, old: str, new: str) -> bool:
        """Return True if the old commit is in the history of the new one."""
        return self._succeeds("merge-base", "--is-ancestor", old, new)

    def parent(self, commit: str) -> str | None:
        """Return the first parent of a commit, or None."""
        exists = self._succeeds("rev-parse", "-q", "--verify", f"{commit}^^{{commit}}")
        return self._git("rev-parse", f"{commit}^") if exists else None

    @contextmanager
    def checked_out(self, commit: str, folder: Path) -> Iterator[Path]:
        """Yield a folder with the files of a commit: a git worktree, which is removed when the block ends.

        Worktrees beside it that a killed process has left are removed, too.

        Raises:
            UserError: the repository has no such commit, git cannot check it out, or another process uses the folder.
        """
        commit = self.commit(commit)
        folder.mkdir(parents=True, exist_ok=True)
        for other in folder.parent.glob("*/"):
            if (release := try_lock(_lock(other))) is not None:
                self._remove(other)
                release()
        release = try_lock(_lock(folder))
        if release is None:
            raise UserError(f"{folder} is in use; expected no other run with the same name: wait for its end")
        try:
            self._git("worktree", "add", "--quiet", "--force", "--force", "--detach", str(folder), commit)
            yield folder
        finally:
            self._remove(folder)
            release()

    def _remove(self, folder: Path) -> None:
        """Remove a worktree, even if git does not know the worktree or it belongs to another repository."""
        with suppress(UserError):
            self._git("worktree", "remove", "--force", "--force", str(folder))
        shutil.rmtree(folder, ignore_errors=True)

    def _succeeds(self, *arguments: str) -> bool:
        return git.run(self.folder, *arguments, environ=self.environ).exit_code == 0

    def _git(self, *arguments: str) -> str:
        result = git.run(self.folder, *arguments, environ=self.environ)
        if result.exit_code != 0:
            raise UserError(f"git {arguments[0]} failed in {self.address}: {git.reason(result)}")
        return result.stdout.decode(errors="surrogateescape").rstrip("\n")


def normalized(address: str) -> str:
    """Return an address in a form in which the addresses of one repository are equal: HOST/PATH, or a path."""
    address = re.sub(r"^file://", "", address.strip()).rstrip("/").removesuffix(".git").rstrip("/")
    if not URL.match(address):
        return str(Path(address).expanduser().absolute())
    host_and_path = re.sub(r"^\w+://", "", address)
    return host_and_path.rpartition("@")[2].replace(":", "/", 1).lower()


def _lock(folder: Path) -> Path:
    """Return the file whose lock says that a process uses a worktree."""
    return folder.with_name(f"{folder.name}.lock")


def open_repository(address: str, home: Path, environ: Mapping[str, str]) -> Repository:
    """Return the repository at a path or a URL. The copy of a repository with a URL is brought up to date.

    Raises:
        UserError: the path is in no git repository, or git is not installed.
        RepositoryFailed: the repository with this URL cannot be reached.
    """
    try:
        return _with_url(address, home, environ) if URL.match(address) else _local(address, home, environ)
    except OSError as error:
        if error.filename != "git":
            raise
        raise UserError("git is not on the PATH; expected git, to read a repository: install it") from error


def known_branch(address: str, branch: str, home: Path, environ: Mapping[str, str]) -> str:
    """Return the branch that a name such as `HEAD` stands for in the repository at a path or a URL, without fetching.

    Return the name itself if the repository does not exist, or if it has a URL and was never fetched.
    """
    try:
        return _known(address, home, environ).branch(branch)
    except (OSError, WorkbenchError):
        return branch


def known_file(address: str, commit: str, path: str, home: Path, environ: Mapping[str, str]) -> str | None:
    """Return the text of a file at a commit of the repository at a path or a URL, without fetching.

    Return None if the repository, the commit or the file is not known on this machine.
    """
    try:
        folder = _known(address, home, environ).folder
        result = git.run(folder, "cat-file", "blob", f"{commit}:{path}", environ=environ)
        return result.stdout.decode() if result.exit_code == 0 else None
    except (OSError, UnicodeDecodeError, WorkbenchError):
        return None


def _known(address: str, home: Path, environ: Mapping[str, str]) -> Repository:
    """Return the repository at a path or a URL as this machine knows it. Nothing is fetched, and nothing is checked."""
    if not URL.match(address):
        return Repository(address, "", Path(address).expanduser(), is_local=True, environ=environ)
    name, folder = _copy_of(_without_password(address), home)
    return Repository(address, name, folder, is_local=False, environ=environ)


def _copy_of(address: str, home: Path) -> tuple[str, Path]:
    """Return the name of a repository with a URL, and the folder of its copy on this machine."""
    name = re.sub(r"[^\w.-]", "-", re.split(r"[/:]", address.rstrip("/").removesuffix(".git"))[-1]) or "repository"
    return name, home / "repositories" / f"{name}-{digest('repository', address)[:12]}.git"


def _local(address: str, home: Path, environ: Mapping[str, str]) -> Repository:
    """Return the repository that holds a folder. A bare repository is copied, as a repository with a URL is."""
    path = Path(address).expanduser().absolute()
    if not path.is_dir():
        raise UserError(f"{address} is not a folder; expected the folder of a git repository, or a URL")
    result = git.run(path, "rev-parse", "--show-toplevel", environ=environ)
    if result.exit_code != 0:
        bare = git.run(path, "rev-parse", "--is-bare-repository", "--absolute-git-dir", environ=environ)
        is_bare, _, folder = bare.stdout.decode(errors="surrogateescape").rstrip("\n").partition("\n")
        if is_bare == "true":
            return _with_url(f"file://{folder}", home, environ)
        raise UserError(f"{address} is in no git repository ({git.reason(result)}); name the folder of a repository")
    top = Path(result.stdout.decode(errors="surrogateescape").rstrip("\n")).resolve()
    return Repository(str(top), top.name, top, is_local=True, environ=environ)


def _with_url(url: str, home: Path, environ: Mapping[str, str]) -> Repository:
    """Return the copy of a repository with a URL, after bringing the copy up to date."""
    address = _without_password(url)
    name, folder = _copy_of(address, home)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(folder.with_suffix(".lock")):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _fetch(folder.parent, address, environ, "clone", "--quiet", "--mirror", "--", url, str(folder))
            (folder / "complete").touch()
        else:
            _fetch(
                folder,
                address,
                environ,
                "fetch",
                "--quiet",
                "--prune",
                "--force",
                "--",
                url,
                "+refs/heads/*:refs/heads/*",
            )
            _follow_default_branch(folder, url, environ)
    return Repository(address, name, folder, is_local=False, environ=environ)


def _follow_default_branch(folder: Path, url: str, environ: Mapping[str, str]) -> None:
    """Let HEAD of a copy name the default branch that the repository has now. A fetch does not change it."""
    result = git.run(folder, "ls-remote", "--symref", "--", url, "HEAD", environ=environ, timeout=FETCH_SECONDS)
    default = re.match(r"ref: (refs/heads/\S+)\tHEAD$", result.stdout.decode(errors="replace"), re.MULTILINE)
    if default is not None:
        git.run(folder, "symbolic-ref", "HEAD", default[1], environ=environ)


def _fetch(folder: Path, address: str, environ: Mapping[str, str], *arguments: str) -> None:
    """Run a git command that reads from the repository at an address without a password.

    Raises:
        RepositoryFailed: the command fails. The message contains no password.
    """
    result = git.run(folder, *arguments, environ=environ, timeout=FETCH_SECONDS)
    if result.exit_code != 0:
        reason = re.sub(r"://[^/@\s]*@", "://", git.reason(result, FETCH_SECONDS))
        raise RepositoryFailed(
            f"git {arguments[0]} failed for {address} ({reason}); expected a repository that this machine can read: "
            "check the address, the network, and git's credential helper",
            kind="repository",
        )


def _without_password(url: str) -> str:
    """Return a URL without user and password. The user of an ssh address belongs to the address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
