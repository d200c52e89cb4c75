"""Translates failures: of tasks for Prefect's database, and of Prefect for a person."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
from prefect.exceptions import PrefectException
from websockets.exceptions import WebSocketException

from workbench.errors import OutsideError, ServerUnavailable, WorkbenchError, workbench_error_in
from workbench.foreign_text import scrubbed
from workbench.system.environment import secret_values


def scrubbed_failure(error: Exception, environ: Mapping[str, str]) -> Exception:
    """Return the failure of a task without its causes, and without any secret of the environment in its message.

    An OSError becomes an OutsideError, because a person can mend a failure of the machine.
    """
    if isinstance(error, OSError):
        error = _refused_file(error)
    secrets = secret_values(environ)
    error.args = tuple(scrubbed(value, secrets) if isinstance(value, str) else value for value in error.args)
    for name, value in list(vars(error).items()):
        if isinstance(value, str):
            setattr(error, name, scrubbed(value, secrets))
    vars(error).pop("__notes__", None)
    message = scrubbed(str(error), secrets)
    if message != str(error) or isinstance(error, BaseExceptionGroup):
        error = RuntimeError(message)
    error.__cause__ = error.__context__ = None
    return error


def outside_failure(error: BaseException, server: str | None) -> WorkbenchError | None:
    """Return the WorkbenchError for a failure of a run, or None if the failure is a defect of the program.

    Prefect's own failures are failures of its server: no answer, an answer with an error, or a database that does not
    know the run.

    Args:
        server: the address of the Prefect server, for the message.
    """
    if (workbench_error := workbench_error_in(error)) is not None:
        return workbench_error
    if isinstance(error, httpx.HTTPError | PrefectException | WebSocketException):
        # Prefect's own error may only say that Prefect could not go on. Then the server's answer is the error's cause.
        cause = error.__cause__ or error if type(error) is PrefectException else error
        return server_unavailable(server, f"{type(cause).__name__}: {cause}".split("\n")[0][:200])
    return _refused_file(error) if isinstance(error, OSError) else None


def server_unavailable(server: str | None, reason: str) -> ServerUnavailable:
    """Return the error for a Prefect server that does not answer, or answers with an error."""
    return ServerUnavailable(
        f"the Prefect server does not answer at {server or 'its address'} ({reason}); start it again, and run the same "
        "command again",
        kind="no server",
        lasting=True,
    )


def _refused_file(error: OSError) -> OutsideError:
    """Return the error for a file that the machine could not read or write."""
    reason = error.strerror or type(error).__name__
    place = f"{error.filename}: " if error.filename else ""
    return OutsideError(
        f"the machine refused a file ({place}{reason}); expected readable and writable folders with free space; "
        "mend that, and run the same command again",
        kind="storage",
        lasting=True,
    )
