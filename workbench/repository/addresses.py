"""Reads the addresses of repositories: paths and URLs. One repository has several, which are brought into one form."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote

#: The beginning of a repository's URL: a scheme, or `user@host:` as ssh takes it.
URL = re.compile(r"(https?|ssh|git|file)://|[\w.-]+@[\w.-]+:")
FILE_SCHEME = "file://"
#: What stays escaped in a file:// address: the percent sign, controls, and bytes that are not UTF-8.
ESCAPED = re.compile(r"[%\x00-\x1f\x7f\udc80-\udcff]")
NOT_UTF_8 = re.compile(r"[\udc80-\udcff]")


def normalized(address: str) -> str:
    """Return an address in a form in which the addresses of one repository are equal: HOST/PATH, or a path."""
    address = address.strip().rstrip("/").removesuffix(".git").rstrip("/")
    if address.startswith(FILE_SCHEME):
        address = _path_of(address)
    if not URL.match(address):
        return NOT_UTF_8.sub(_escape, str(folder_at(address).absolute()))
    host_and_path = re.sub(r"^\w+://", "", address)
    return host_and_path.rpartition("@")[2].replace(":", "/", 1).lower()


def file_address(path_or_url: str) -> str:
    """Return the file:// address of a path or of a file:// URL: one text for a URL with and without escaped bytes.

    Blanks and umlauts are not escaped. Git reads them as they are.
    """
    path = _path_of(path_or_url) if path_or_url.startswith(FILE_SCHEME) else path_or_url
    return f"{FILE_SCHEME}{ESCAPED.sub(_escape, path)}"


def folder_at(address: str) -> Path:
    """Return the folder that a path names, in which `~` is a home. A user who does not exist has no home."""
    with suppress(RuntimeError):
        return Path(address).expanduser()
    return Path(address)


def _path_of(file_url: str) -> str:
    return unquote(file_url.removeprefix(FILE_SCHEME), errors="surrogateescape")


def _escape(match: re.Match[str]) -> str:
    return quote(match[0], errors="surrogateescape")
