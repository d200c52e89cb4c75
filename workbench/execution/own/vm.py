"""The VMs that may execute for `runtime: serve`: one of our own, or one that somebody else looks after."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterable
from pathlib import Path

from workbench.errors import ExecutionFailed, MissingKey
from workbench.execution import program
from workbench.execution.elixir import INSTALL_ELIXIR
from workbench.execution.own import project
from workbench.providers import Provider
from workbench.system import process
from workbench.system.supervisor import GRACE

#: Where the token for a runtime on another machine is read.
TOKEN_VARIABLE = "WORKBENCH_RUNTIME_TOKEN"  # noqa: S105  # its name, not its value
START_SECONDS = 60.0
#: More at once than any study asks for.
LIMIT = 512
READY = "✅ Serving at "
#: It waits more than it computes: schedulers that look for work while there is none would take a core each.
WARM_OPTIONS = " +sbwt none +sbwtdcpu none +sbwtdio none"


class Forgotten(Exception):
    """The VM does not know a run that it had begun: it is another one by now."""


class Elsewhere:
    """A VM that somebody else started and looks after."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.head = {"authorization": f"Bearer {token}"}

    def lost(self, error: Exception) -> None:
        """What to do when it does not answer: only a run that was forgotten can be begun anew at once."""
        if not isinstance(error, Forgotten):
            raise unreachable(self.url, error) from error


class Own:
    """A VM of our own, on a free port, with a token that nobody else has."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=f"workbench-serve-{os.getpid()}-")
        folder = Path(self._folder.name)
        token = secrets.token_urlsafe(32)
        file = folder / "token"
        file.touch(0o600)
        file.write_text(token, encoding="utf-8")
        self.head = {"authorization": f"Bearer {token}"}
        command = ["mix", "pipeline.serve", "--port", "0", "--token-file", str(file), "--limit", str(LIMIT)]
        command += ["--drain-seconds", "0", "--until-stdin-closes"]
        variables = program.provider_variables(providers)
        env = project.environment(variables)
        env["ELIXIR_ERL_OPTIONS"] += WARM_OPTIONS
        try:
            self._service = process.Service(command, cwd=folder, env=env)
        except (FileNotFoundError, PermissionError) as error:
            raise program.not_on_path("mix", INSTALL_ELIXIR) from error
        line = self._service.line(START_SECONDS)
        if line is None or not line.startswith(READY):
            self.stop()
            said = program.scrubbed(self._service.errors.strip()[-1000:], program.secret_values(variables))
            raise ExecutionFailed(f"mix pipeline.serve did not start: {said or line}", kind="not started")
        self.url = line.removeprefix(READY)

    @property
    def runs(self) -> bool:
        return self._service.runs

    def lost(self, _: Exception) -> None:
        """Give it the time to be seen to have died; then it is started again, and what was in flight run again."""
        self._service.wait(GRACE)

    def stop(self) -> None:
        self._service.stop()
        self._folder.cleanup()


def remote_token() -> str:
    if token := os.environ.get(TOKEN_VARIABLE):
        return token
    raise MissingKey(f"no token for the runtime: set {TOKEN_VARIABLE}", kind="missing key", lasting=True)


def unreachable(url: str, error: Exception) -> ExecutionFailed:
    return ExecutionFailed(f"no runtime answers at {url} ({type(error).__name__}: {error})", kind="no runtime")
