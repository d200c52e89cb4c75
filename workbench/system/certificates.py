"""Reads the certificates that HTTP clients trust, once for all clients of a process."""

from __future__ import annotations

import functools
import ssl

import httpx


@functools.cache
def certificates() -> ssl.SSLContext:
    """Return the certificates that httpx trusts. Reading them takes longer than a request to this machine."""
    return httpx.create_ssl_context()
