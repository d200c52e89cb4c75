"""The program of one execution: what it may see of our environment, its keys, its time-out and its logs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import ExecutionFailed, MissingKey
from workbench.providers import KNOWN, Provider
from workbench.system import process
from workbench.system.bounded import LIMIT
from workbench.system.scrubbing import scrubbed as scrubbed

#: The variables of our environment that every program gets. Keys and addresses are added for its providers.
PASSED = (
    "PATH", "HOME", "SHELL", "USER", "TMPDIR", "TZ", "MIX_HOME", "HEX_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "PIPELINE_HTTP_TIMEOUT_MS", "PIPELINE_RETRIES", "PIPELINE_RETRY_BASE_MS",
)  # fmt: skip
#: The most bytes that a plan may have.
PLAN_BYTES = 5_000_000


@dataclass(frozen=True)
class Ended:
    """How a program ended, with its two logs as texts from which the secrets are removed."""

    exit_code: int
    stdout: str
    stderr: str
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
        secrets: texts that are replaced by … before anything is kept.
        timeout: seconds.
        advice: what to do if there is no such program.
        limit: the bytes that are kept of each stream.
        stdin: the file that the program reads as its standard input.

    Raises:
        ExecutionFailed: the program cannot be started, or did not end in time.
    """
    done = run(command, cwd=cwd, env=env, timeout=timeout, advice=advice, limit=limit, stdin=stdin)
    hidden = tuple(secrets)
    out, err = (scrubbed(stream.decode("utf-8", errors="replace"), hidden) for stream in (done.stdout, done.stderr))
    (folder / "stdout.log").write_text(out, encoding="utf-8")
    (folder / "stderr.log").write_text(err, encoding="utf-8")
    if done.timed_out:
        raise ExecutionFailed(
            f"the pipeline did not end within {timeout:.0f} s and was ended; its output: {folder}; raise `timeout` "
            "in the study if it needs longer",
            kind="timeout",
        )
    return Ended(done.exit_code, out, err, done.seconds)


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
    """
    try:
        return process.run(command, cwd=cwd, env=env, timeout=timeout, limit=limit, stdin=stdin)
    except (FileNotFoundError, PermissionError) as error:
        raise not_on_path(command[0], advice) from error
    except (OSError, ValueError) as error:
        raise ExecutionFailed(f"{command[0]} was not started: {error}", kind="not started") from error


def not_on_path(program: str, advice: str) -> ExecutionFailed:
    """Return the error for a program that cannot be found or not be executed."""
    problem = f"there is no program {program}" if "/" in program else f"{program} is not on the PATH"
    return ExecutionFailed(f"{problem}: {advice}", kind="not started", lasting=True)


def passed_environment() -> dict[str, str]:
    """Return the part of our environment that every program gets, with a UTF-8 locale."""
    passed = {name: os.environ[name] for name in PASSED if name in os.environ}
    return {**passed, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def provider_variables(providers: Iterable[Provider]) -> dict[str, str]:
    """Return keys and addresses by variable. A missing key is left out: the runtime says if a step needs it."""
    variables: dict[str, str] = {}
    for provider in providers:
        _, key_variables, address = KNOWN[provider.name]
        variables[address] = provider.base_url
        try:
            variables[key_variables[0]] = provider.key()
        except MissingKey:
            continue
    return variables


def secret_values(variables: Mapping[str, str]) -> list[str]:
    """Return the values of those variables that hold keys."""
    return [value for name, value in variables.items() if name.endswith("_KEY")]
