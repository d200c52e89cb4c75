"""Open a page in a real browser without a window."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import zlib
from pathlib import Path
from typing import Literal

import pytest

Scheme = Literal["light", "dark"]
#: Chromium's numbers of the two schemes.
SCHEMES: dict[Scheme, int] = {"dark": 0, "light": 1}


def screenshot(page: Path, picture: Path, scheme: Scheme, width: int = 1200, height: int = 1600) -> None:
    """Write a picture of the page as a person sees it who prefers this scheme."""
    _chromium(f"--screenshot={picture}", f"--window-size={width},{height}", _preferring(scheme), page.as_uri())


def dom(page: Path) -> str:
    """Return the page's elements after the browser has read them and would have run its scripts."""
    return _chromium("--dump-dom", "--virtual-time-budget=2000", page.as_uri())


def first_pixel(picture: Path) -> tuple[int, int, int]:
    """Return red, green and blue of the pixel at the top left of a PNG picture."""
    content, at, data = picture.read_bytes(), 8, b""
    while at < len(content):
        length, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        data += content[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    # The first byte of a row names a filter. No filter changes the first pixel of the first row.
    red, green, blue = zlib.decompress(data)[1:4]
    return red, green, blue


def _preferring(scheme: Scheme) -> str:
    return f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}"


def _chromium(*arguments: str) -> str:
    """Run Chromium to its end, and return its standard output."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("there is no Chromium on this machine: run script/packages chromium fonts-dejavu-core")
    # Chromium leaves its sandbox out for root only if it is told so.
    with tempfile.TemporaryDirectory(prefix="workbench-chromium-") as profile:
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"]
        process = subprocess.run(
            [program, *options, *arguments], capture_output=True, text=True, timeout=120, check=False
        )
    assert process.returncode == 0, process.stderr
    return process.stdout
