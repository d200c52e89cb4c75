"""Runs the program of one execution: its environment, its keys, its time limit and its logs."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import ExecutionFailed, MissingKey, PipelineRejected
from workbench.foreign_text import scrubbed
from workbench.providers import Provider
from workbench.system import process
from workbench.system.bounded import LIMIT

#: The most bytes that a plan may have.
PLAN_BYTES = 5_000_000
#: The exit codes with which a shell, `env` or a version manager says that it could not start a program.
NOT_STARTED = (126, 127)
#: Linux refuses an argument of this many bytes, its closing zero included.
ARGUMENT_BYTES = 131_072
#: The errors of a start that another try cannot mend.
LASTING_ERRORS = (errno.ENOEXEC, errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR, errno.EINVAL)


@dataclass(frozen=True)
class Ended:
    """The end of a program and its output.

    Attributes:
        stdout, stderr: the texts without secrets. Only these are shown and kept.
        raw_stdout, raw_stderr: the texts as the program printed them. These are parsed, and never shown or kept.
        seconds: how long the program ran.
    """

    exit_code: int
    stdout: str
    stderr: str
    raw_stdout: str
    raw_stderr: str
    seconds: float


def run_logged(
    command: Sequence[str],
    *,
    folder: Path,
    cwd: Path,
    env: Mapping[str, str],
    secrets: Iterable[str],
    timeout: float,
    advice: str,
    limit: int = LIMIT,
    stdin: Path = Path(os.devnull),
) -> Ended:
    """Run a program to its end and keep its output in `folder`, as stdout.log and stderr.log.

    Args:
        secrets: texts that are replaced by … in everything that is shown or kept.
        timeout: seconds.
        advice: what to do if there is no such program.
        limit: the bytes that are kept of each stream.
        stdin: the file that the program reads as its standard input.

    Raises:
        ExecutionFailed: the program cannot be started, or did not end in time.
        PipelineRejected: the system passes no such arguments to a program.
    """
    finished = run(command, cwd=cwd, env=env, timeout=timeout, advice=advice, limit=limit, stdin=stdin)
    hidden_texts = tuple(secrets)
    raw_out, raw_err = (stream.decode("utf-8", errors="replace") for stream in (finished.stdout, finished.stderr))
    out, err = scrubbed(raw_out, hidden_texts), scrubbed(raw_err, hidden_texts)
    (folder / "stdout.log").write_text(out, encoding="utf-8")
    (folder / "stderr.log").write_text(err, encoding="utf-8")
    if finished.timed_out:
        raise ExecutionFailed(
            f"the pipeline did not end within {timeout:.0f} s and was ended; its output: {folder}; raise `timeout` "
            "in the study if it needs longer",
            kind="timeout",
        )
    return Ended(finished.exit_code, out, err, raw_out, raw_err, finished.seconds)


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    advice: str,
    limit: int = LIMIT,
    stdin: Path = Path(os.devnull),
) -> process.Finished:
    """Run a program that may not be installed, as `process.run` does.

    Raises:
        ExecutionFailed: the program cannot be started; `advice` is what to do if there is no such program.
        PipelineRejected: the system passes no such arguments to a program.
    """
    with start_errors(command, cwd, advice):
        return process.run(command, cwd=cwd, env=env, timeout=timeout, limit=limit, stdin=stdin)


@contextlib.contextmanager
def start_errors(command: Sequence[str], cwd: Path, advice: str) -> Iterator[None]:
    """Turn the errors of a program's start into errors that say what to do.

    Raises:
        ExecutionFailed: the program cannot be started.
        PipelineRejected: the system passes no such arguments to a program.
    """
    try:
        yield
    except (FileNotFoundError, PermissionError) as error:
        if not cwd.is_dir():
            raise ExecutionFailed(
                f"{command[0]} was not started: its folder {cwd} is gone; run the same command again",
                kind="not started",
            ) from error
        raise not_on_path(command[0], advice) from error
    except ValueError as error:
        raise PipelineRejected(
            f"{command[0]} cannot get one of its arguments ({error}): take control characters, such as a zero byte, "
            "out of the study's goal and command"
        ) from error
    except OSError as error:
        if error.errno == errno.E2BIG:
            raise PipelineRejected(_too_long(command)) from error
        raise ExecutionFailed(
            f"{command[0]} was not started: {error}", kind="not started", lasting=error.errno in LASTING_ERRORS
        ) from error


def _too_long(command: Sequence[str]) -> str:
    """Return the message for arguments that the system does not pass to a program."""
    sizes = [len(os.fsencode(argument)) for argument in command]
    longest = max(range(len(sizes)), key=sizes.__getitem__)
    return (
        f"{command[0]} cannot get its arguments: argument {longest} has {sizes[longest]:,} bytes, all have "
        f"{sum(sizes):,}; the system passes at most {ARGUMENT_BYTES - 1:,} in one argument; write a shorter goal, or "
        "let the program read the text from one of the study's `files`"
    )


def not_on_path(program: str, advice: str) -> ExecutionFailed:
    """Return the error for a program that cannot be found or not be executed."""
    if "/" not in program:
        problem = f"{program} is not on the PATH"
    elif Path(program).is_file():
        problem = (
            f"{program} cannot be executed: it needs permission to be executed (chmod +x), and the interpreter that "
            "its first line names must exist"
        )
    else:
        problem = f"there is no program {program}"
    return ExecutionFailed(f"{problem}: {advice}", kind="not started", lasting=True)


def provider_variables(providers: Iterable[Provider]) -> dict[str, str]:
    """Return the providers' keys and addresses, by environment variable.

    Leave out keys that are not set: if a step needs such a key, the runtime reports it.
    """
    variables: dict[str, str] = {}
    for provider in providers:
        variables[provider.service.address_variable] = provider.base_url
        try:
            variables[provider.service.keys[0]] = provider.key()
        except MissingKey:
            continue
    return variables
