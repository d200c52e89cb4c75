"""Translate failures: those of tasks for Prefect's database, and those of Prefect for a person."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus

import httpx
from prefect.exceptions import PrefectException
from websockets.exceptions import WebSocketException

from workbench.errors import OutsideError, ServerUnavailable, WorkbenchError, workbench_error_in
from workbench.providers import KNOWN

#: Keys of fewer characters are not removed from texts: they hide nothing, and would take words out of every message.
SECRET_CHARACTERS = 8


def scrubbed_failure(error: Exception, environ: Mapping[str, str]) -> Exception:
    """Return the failure of a task without its causes, and without any provider's key in its message.

    An OSError becomes an OutsideError: the machine failed, and a person can mend that.
    """
    if isinstance(error, OSError):
        error = _refused_file(error)
    secrets = [form for key in _keys(environ) for form in _forms(key)]
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
    """Return a failure of a run as an error of ours, or None if it is a defect.

    Prefect's own failures are failures of its server: no answer, an answer with an error, or a database that does not
    know the run.

    Args:
        server: the address of the Prefect server, for the message.
    """
    if (ours := workbench_error_in(error)) is not None:
        return ours
    if isinstance(error, httpx.HTTPError | PrefectException | WebSocketException):
        return server_unavailable(server, f"{type(error).__name__}: {error}".split("\n")[0][:200])
    return _refused_file(error) if isinstance(error, OSError) else None


def server_unavailable(server: str | None, reason: str) -> ServerUnavailable:
    """Return the failure of a Prefect server that does not answer, or not as it should."""
    return ServerUnavailable(
        f"the Prefect server does not answer at {server or 'its address'} ({reason}); start it again, and run the same "
        "command again",
        kind="no server",
        lasting=True,
    )


def _refused_file(error: OSError) -> OutsideError:
    reason = error.strerror or type(error).__name__
    place = f"{error.filename}: " if error.filename else ""
    return OutsideError(
        f"the machine refused a file ({place}{reason}); expected readable and writable folders with free space; "
        "mend that, and run the same command again",
        kind="storage",
        lasting=True,
    )


def scrubbed(text: str, secrets: list[str]) -> str:
    """Return the text with … in the place of each secret. The longest secrets are replaced first."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


def _keys(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the providers' keys that are in the environment."""
    for _, variables, _ in KNOWN.values():
        for variable in variables:
            key = environ.get(variable, "")
            if len(key) >= SECRET_CHARACTERS:
                yield key


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, percent-encoded, and in base64.

    In base64, a secret looks different at each of three offsets. The characters at both ends also depend on the text
    around the secret, so they are left out.
    """
    yield secret
    for encoded in (quote(secret), quote(secret, safe=""), quote_plus(secret)):
        yield encoded
        yield re.sub("%..", lambda escape: escape[0].lower(), encoded)
    data = secret.encode()
    for encode64 in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            encoded = encode64(b"\0" * offset + data).decode().rstrip("=")
            first = (0, 2, 3)[offset]
            last = len(encoded) - ((offset + len(data)) % 3 != 0)
            yield encoded[first:last]
