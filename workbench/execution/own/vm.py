"""Starts or finds the Erlang VM that executes for `runtime: serve`: our own VM, or a VM that somebody else manages."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from workbench.errors import ExecutionFailed, MissingKey
from workbench.execution import program
from workbench.execution.elixir import INSTALL_ELIXIR
from workbench.execution.own import project
from workbench.execution.useful_line import useful_line
from workbench.foreign_text import scrubbed
from workbench.providers import Provider
from workbench.system import process
from workbench.system.environment import secret_values
from workbench.system.supervisor import GRACE
from workbench.system.temporary import OwnedFolder

#: The variable that holds the token for a runtime on another machine.
TOKEN_VARIABLE = "WORKBENCH_RUNTIME_TOKEN"  # noqa: S105  # the variable's name, not its value
#: Seconds within which our own VM must serve.
START_SECONDS = 60.0
#: The most executions at once in one VM. No study asks for so many.
EXECUTIONS_AT_ONCE = 512
#: What the VM prints before its address when it serves.
READY = "✅ Serving at "
#: The VM waits more than it computes. Schedulers that look for work while there is none would take a core each.
WARM_OPTIONS = " +sbwt none +sbwtdcpu none +sbwtdio none"


class UnknownRun(Exception):
    """The VM does not know a run that was begun there: another VM has taken its place."""


class RemoteVM:
    """A VM that somebody else started and manages."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.headers = {"authorization": f"Bearer {token}"}

    def handle_loss(self, error: Exception) -> None:
        """Raise the error of a VM that does not answer. Return after `UnknownRun`: the run can begin again at once.

        Raises:
            ExecutionFailed: the VM does not answer.
        """
        if not isinstance(error, UnknownRun):
            raise unreachable(self.url, error) from error


class OwnVM:
    """A VM of our own, on a free port, with a token that nobody else has.

    Raises:
        ExecutionFailed: the VM does not start.
    """

    def __init__(self, providers: Iterable[Provider]) -> None:
        token = secrets.token_urlsafe(32)
        self.headers = {"authorization": f"Bearer {token}"}
        # The VM reads the token once, before it serves. A token folder that stayed longer would outlive a kill -9.
        folder = OwnedFolder("serve")
        try:
            self.url = self._started(folder.path, token, program.provider_variables(providers))
        finally:
            folder.remove()

    def _started(self, folder: Path, token: str, variables: dict[str, str]) -> str:
        """Start the VM, wait until it serves, and return its address."""
        file = folder / "token"
        file.touch(0o600)
        file.write_text(token, encoding="utf-8")
        command = ["mix", "pipeline.serve", "--port", "0", "--token-file", str(file)]
        command += ["--limit", str(EXECUTIONS_AT_ONCE), "--drain-seconds", "0", "--until-stdin-closes"]
        env = project.environment(variables)
        env["ELIXIR_ERL_OPTIONS"] += WARM_OPTIONS
        # The token's folder is removed, so the VM does not work there. In a folder above the runtime's sources, Mix
        # would name them by relative paths, and compile the shared build again.
        cwd = project.build_folder()
        with program.start_errors(command, cwd, INSTALL_ELIXIR):
            self._service = process.Service(command, cwd=cwd, env=env)
        line = self._service.line(START_SECONDS)
        if line is None or not line.startswith(READY):
            self.stop()
            reason = scrubbed(useful_line(self._service.errors, line or ""), secret_values(env))
            raise ExecutionFailed(
                f"mix pipeline.serve did not start within {START_SECONDS:.0f} s, or ended: {reason}",
                kind="not started",
                lasting=self._service.exit_code in program.NOT_STARTED,
            )
        return line.removeprefix(READY)

    @property
    def runs(self) -> bool:
        """Return True while the VM has not ended."""
        return self._service.runs

    def handle_loss(self, _: Exception) -> None:
        """Wait for a VM that does not answer to end. The caller then starts a new VM and executes its run again."""
        self._service.wait(GRACE)

    def stop(self) -> None:
        """End the VM with all that it started."""
        self._service.stop()


def remote_token() -> str:
    """Return the token for a runtime on another machine.

    Raises:
        MissingKey: the variable is not set.
    """
    if token := os.environ.get(TOKEN_VARIABLE):
        return token
    raise MissingKey(
        f"{TOKEN_VARIABLE} is not set, and the runtime at the study's runtime_url wants a token: set it to the token "
        "that the runtime was started with",
        kind="missing key",
        lasting=True,
    )


def unreachable(url: str, error: Exception) -> ExecutionFailed:
    """Return the error for a runtime that does not answer."""
    return ExecutionFailed(
        f"no runtime answers at {url} ({type(error).__name__}: {error}): start it there, or correct the study's "
        "runtime_url",
        kind="no runtime",
    )
