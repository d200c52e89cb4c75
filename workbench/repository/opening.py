"""Opens a git repository at a path or a URL, or looks at what this machine already knows of the repository.

A local repository with files is read where it is. A repository with a URL, or a folder without files (a bare
repository), is copied to WORKBENCH_HOME, and the copy is brought up to date before each look.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit, urlunsplit

from workbench.errors import RepositoryFailed, UserError, WorkbenchError
from workbench.providers import digest
from workbench.repository.addresses import FILE_SCHEME, URL, file_address, folder_at
from workbench.repository.repository import Repository
from workbench.system import git
from workbench.system.locks import exclusive_lock

#: The time limit of a clone or a fetch.
FETCH_SECONDS = 600.0


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

    Bytes that are not UTF-8 are replaced: the file is there, and whoever needs it says what is wrong with it.

    Return None if the repository, the commit or the file is not known on this machine.
    """
    try:
        folder = _known(address, home, environ).folder
        # Git knows no `./` and no double slash in such a name.
        result = git.run(folder, "cat-file", "blob", f"{commit}:{PurePosixPath(path)}", environ=environ)
        return result.stdout.decode(errors="replace") if result.exit_code == 0 else None
    except (OSError, WorkbenchError):
        return None


def _known(address: str, home: Path, environ: Mapping[str, str]) -> Repository:
    """Return the repository at a path or a URL as this machine knows it. Nothing is fetched, and nothing is checked."""
    if not URL.match(address):
        return Repository(address, "", folder_at(address), is_local=True, environ=environ)
    name, folder = _copy_of(_address_of(address), home)
    return Repository(address, name, folder, is_local=False, environ=environ)


def _copy_of(address: str, home: Path) -> tuple[str, Path]:
    """Return the name of a repository with a URL, and the folder of its copy on this machine."""
    name = re.sub(r"[^\w.-]", "-", re.split(r"[/:]", address.rstrip("/").removesuffix(".git"))[-1]) or "repository"
    return name, home / "repositories" / f"{name}-{digest('repository', address)[:12]}.git"


def _local(address: str, home: Path, environ: Mapping[str, str]) -> Repository:
    """Return the repository that holds a folder. A bare repository is copied, as a repository with a URL is."""
    path = folder_at(address).absolute()
    if not path.is_dir():
        raise UserError(f"{address} is not a folder; expected the folder of a git repository, or a URL")
    result = git.run(path, "rev-parse", "--show-toplevel", environ=environ)
    if result.exit_code != 0:
        bare = git.run(path, "rev-parse", "--is-bare-repository", "--absolute-git-dir", environ=environ)
        is_bare, _, folder = bare.stdout.decode(errors="surrogateescape").rstrip("\n").partition("\n")
        if is_bare == "true":
            return _with_url(file_address(folder), home, environ)
        raise UserError(f"{address} is in no git repository ({git.reason(result)}); name the folder of a repository")
    top = Path(result.stdout.decode(errors="surrogateescape").rstrip("\n")).resolve()
    return Repository(str(top), top.name, top, is_local=True, environ=environ)


def _with_url(url: str, home: Path, environ: Mapping[str, str]) -> Repository:
    """Return the copy of a repository with a URL, after bringing the copy up to date."""
    address = _address_of(url)
    name, folder = _copy_of(address, home)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder, address):
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
                # A repository that was cloned with --depth gives its new commits only to a copy that says so.
                "--update-shallow",
                "--",
                url,
                "+refs/heads/*:refs/heads/*",
            )
            _follow_default_branch(folder, url, environ)
    return Repository(address, name, folder, is_local=False, environ=environ)


@contextmanager
def _alone(folder: Path, address: str) -> Iterator[None]:
    """Let nobody else change the copy of a repository until the block ends.

    A look begins every few minutes. If the repository's server hangs, the looks must not wait for each other for ever.

    Raises:
        RepositoryFailed: another process works on the copy for a long time.
    """
    with ExitStack() as held:
        try:
            held.enter_context(exclusive_lock(folder.with_suffix(".lock"), FETCH_SECONDS))
        except TimeoutError as error:
            raise RepositoryFailed(
                f"other processes read from {address} for {FETCH_SECONDS:.0f} s and longer; expected a server that "
                "answers: check the repository's server and the network",
                kind="repository",
            ) from error
        yield


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


def _address_of(url: str) -> str:
    """Return a URL without user and password, and a file:// URL in its one form.

    The user of an ssh address belongs to the address.
    """
    if url.startswith(FILE_SCHEME):
        return file_address(url)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
