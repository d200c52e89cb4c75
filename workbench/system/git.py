"""Runs the `git` program, without a shell and without the user's hooks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workbench.system import process

#: The time limit of one git command.
TIMEOUT_SECONDS = 60.0
#: Environment variables that would point git to another repository than the folder's own. They are removed.
REPOSITORY_VARIABLES = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE",
)  # fmt: skip


def run(
    folder: Path,
    *arguments: str,
    environ: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> process.Finished:
    """Run a git command in a folder. It never asks for a login, and takes no lock that it does not need.

    Args:
        environ: the user's environment.
        variables: further variables. They may name a repository.

    Raises:
        OSError: git cannot be started. Its `filename` is `git` if git is not on the PATH.
    """
    command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false", *arguments]
    env = {name: value for name, value in environ.items() if name not in REPOSITORY_VARIABLES}
    env |= {"LC_ALL": "C.UTF-8", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", **(variables or {})}
    return process.run(command, cwd=folder, env=env, timeout=timeout)


def reason(result: process.Finished, timeout: float = TIMEOUT_SECONDS) -> str:
    """Return why git failed: its first `fatal:` line, else its first line. `timeout` is the time limit in seconds.

    If git refuses the repository of another user, the command that git names to trust it follows.
    """
    lines = [line.strip() for line in result.stderr.decode(errors="replace").splitlines() if line.strip()]
    fatal = [line.removeprefix("fatal: ") for line in lines if line.startswith("fatal: ")]
    if result.timed_out:
        return f"it did not end within {timeout:.0f} s"
    trust = [f": run {line}" for line in lines if line.startswith("git config --global --add safe.directory ")]
    return next(iter([*fatal, *lines]), f"exit code {result.exit_code}") + "".join(trust[:1])


def commit_of(folder: Path, environ: Mapping[str, str]) -> str | None:
    """Return the commit that is checked out in the folder's repository. None without git, repository or commit."""
    try:
        result = run(folder, "rev-parse", "-q", "--verify", "HEAD^{commit}", environ=environ)
    except OSError:
        return None
    return result.stdout.decode().strip() if result.exit_code == 0 else None
