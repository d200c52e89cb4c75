"""The replies that the runtime's tests serve are the replies that the installed official SDKs build.

Importing `anthropic` takes seconds, so only the test imports it.
"""

from __future__ import annotations

import pytest


@pytest.mark.slow
def test_the_runtimes_tests_serve_what_the_installed_sdks_build() -> None:
    """A new SDK that changes a reason, an error or a field makes this test fail until the file is renewed."""
    from tests.support.official_replies import FILE, written

    assert FILE.read_text(encoding="utf-8") == written(), "run .venv/bin/python -m tests.support.official_replies"
