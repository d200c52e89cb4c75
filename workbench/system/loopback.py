"""Keeps connections to this machine away from the user's proxies.

A proxy runs on another machine. It cannot reach a server that listens on our loopback address, and answers with an
error instead.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

#: The hosts in the addresses of our servers. Programs compare them literally, so all spellings are listed.
HOSTS = ("127.0.0.1", "localhost", "::1")
#: The variables that name a proxy, in lower case.
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
#: The variables that name the hosts without a proxy. Some programs read only one of them.
EXCEPTIONS = ("NO_PROXY", "no_proxy")
#: For `httpx.Client(mounts=…)`: never use a proxy for this machine.
DIRECT: dict[str, None] = {"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None}


def exceptions(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to add to an environment so that no proxy is used for this machine.

    The user's own exceptions are kept. Without a proxy in the environment, return no variable.
    """
    if not any(value and name.lower() in PROXIES for name, value in environ.items()):
        return {}
    # If both variables are set, they may differ. Each keeps its own hosts.
    return {name: _with_loopback(environ.get(name) or _other_exceptions(name, environ)) for name in EXCEPTIONS}


def is_loopback(url: str) -> bool:
    """Return True if the address names this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _other_exceptions(name: str, environ: Mapping[str, str]) -> str:
    """Return the value of the other variable for exceptions, or an empty text."""
    return next((environ[variable] for variable in EXCEPTIONS if variable != name and environ.get(variable)), "")


def _with_loopback(hosts: str) -> str:
    """Return the list of hosts with the loopback's names added. A list with `*` contains all hosts already."""
    names = [name.strip() for name in hosts.split(",") if name.strip()]
    if "*" in names:
        return hosts
    return ",".join([*names, *(host for host in HOSTS if host not in names)])
