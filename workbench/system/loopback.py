"""Keeps connections to this machine away from the user's proxies.

A proxy stands elsewhere. It cannot reach a server that listens on our own loopback, and answers with an error in the
server's place.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

#: How our servers are addressed. Programs compare these words with the host of an address, so each one is listed.
HOSTS = ("127.0.0.1", "localhost", "::1")
#: The variables that name a proxy for plain HTTP or for everything.
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
#: The variables that name the hosts without a proxy. Some programs read only one of them.
EXCEPTIONS = ("NO_PROXY", "no_proxy")
#: For `httpx.Client(mounts=…)`: no proxy for this machine, whatever the environment says.
DIRECT: dict[str, None] = {"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None}


def exceptions(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to add to an environment so that no proxy is used for this machine.

    The user's own exceptions are kept. Without a proxy in the environment, return no variable.
    """
    if not any(value and name.lower() in PROXIES for name, value in environ.items()):
        return {}
    # If both variables are set, they may differ. Each keeps its own hosts.
    return {name: _with_loopback(environ.get(name) or _other(name, environ)) for name in EXCEPTIONS}


def is_loopback(url: str) -> bool:
    """Return True if the address names this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _other(name: str, environ: Mapping[str, str]) -> str:
    return next((environ[other] for other in EXCEPTIONS if other != name and environ.get(other)), "")


def _with_loopback(hosts: str) -> str:
    """Return the list of hosts with the loopback's names. `*` stands for all hosts already."""
    words = [word.strip() for word in hosts.split(",") if word.strip()]
    if "*" in words:
        return hosts
    return ",".join([*words, *(host for host in HOSTS if host not in words)])
