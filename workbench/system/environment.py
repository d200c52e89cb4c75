"""Makes the environment of the programs that Workbench starts."""

from __future__ import annotations

import json
import os
import pwd
import re
import tempfile
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

from workbench.system import loopback

#: The variables of our environment that every program gets. Keys and addresses are added for its providers.
PASSED = (
    "PATH", "HOME", "SHELL", "USER", "TMPDIR", "TZ", "MIX_HOME", "HEX_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "PIPELINE_HTTP_TIMEOUT_MS", "PIPELINE_RETRIES", "PIPELINE_RETRY_BASE_MS",
)  # fmt: skip

#: The endings of the names of variables that hold a secret. A number may follow: GEMINI_API_KEY_2.
_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD)(_?\d+)?$", re.IGNORECASE)
#: The endings of the names of HTTP headers that hold a secret: Authorization, Cookie, X-Api-Key, …
_SECRET_HEADER = re.compile(r"(auth|authorization|cookie|key|token|secret|password)$", re.IGNORECASE)


def passed_environment() -> dict[str, str]:
    """Return the part of our environment that every program gets.

    The locale is UTF-8. HOME is always set, because Mix does not start without it. A proxy is never used for servers
    on this machine.
    """
    passed = {name: os.environ[name] for name in PASSED if name in os.environ}
    passed["HOME"] = passed.get("HOME") or _home()
    return {**passed, **loopback.exceptions(os.environ), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def is_secret(name: str) -> bool:
    """Return True if a variable of this name holds a secret."""
    return _SECRET_NAME.search(name) is not None


def secret_values(variables: Mapping[str, str]) -> list[str]:
    """Return the secrets in the variables of an environment.

    These are the values of variables with a secret's name, the secrets in lists of HTTP headers, and the passwords in
    addresses.
    """
    return [secret for name, value in variables.items() for secret in _secrets(name, value) if secret]


def _secrets(name: str, value: str) -> Iterator[str]:
    """Yield the secrets in the value of one variable. Some may be empty."""
    if is_secret(name):
        yield value
    if name.upper().endswith("AUTH_STRING"):
        # Prefect's login for its server, as USER:PASSWORD.
        yield value
        yield value.partition(":")[2]
    if name.upper().endswith("HEADERS"):
        for header, content in _headers(value):
            if _SECRET_HEADER.search(header.strip()):
                # `Authorization: Bearer SECRET` has a word before the secret. A program may echo the secret without
                # this word.
                yield from (content.strip(), content.split(" ")[-1].strip())
    if "://" in value and "@" in value:
        password = _password(value)
        yield password
        yield unquote(password)


def _headers(value: str) -> Iterator[tuple[str, str]]:
    """Yield the names and contents of HTTP headers: from a JSON object, as Prefect takes it, or from lines."""
    try:
        headers = json.loads(value)
    except (ValueError, RecursionError):
        headers = None
    if isinstance(headers, dict):
        yield from ((header, content) for header, content in headers.items() if isinstance(content, str))
    else:
        for line in value.splitlines():
            header, _, content = line.partition(":")
            yield header, content


def _password(address: str) -> str:
    """Return the password in an address, or an empty text if it has none."""
    try:
        return urlsplit(address).password or ""
    except ValueError:
        return ""


def _home() -> str:
    """Return the user's home as the system knows it, or the folder for temporary files if it knows none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return tempfile.gettempdir()
