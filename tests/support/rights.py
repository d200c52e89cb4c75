"""Runs programs as a user who may not open every file, also if root runs the tests."""

from __future__ import annotations

import os
import shutil

import pytest


def without_roots_rights() -> list[str]:
    """Return the beginning of a command that takes root's rights over files away. It is empty for another user."""
    if os.getuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root runs the tests, and there is no setpriv, which takes root's rights away")
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search"]
