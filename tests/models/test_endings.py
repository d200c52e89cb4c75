"""The tables of endings have every member of the providers' own enumerations.

Importing `anthropic` and `google.genai` takes seconds, so this test is slow.
"""

from __future__ import annotations

from typing import get_args

import pytest

from workbench.models.endings import ANTHROPIC, GEMINI, GEMINI_BLOCKED


@pytest.mark.slow
def test_the_tables_name_every_reason_of_the_sdks() -> None:
    """A new version of an SDK that adds a reason makes this test fail."""
    from anthropic.types import StopReason
    from google.genai import types

    assert set(GEMINI) == {reason.value for reason in types.FinishReason}
    assert set(GEMINI_BLOCKED) == {reason.value for reason in types.BlockedReason}
    assert set(ANTHROPIC) == set(get_args(StopReason))
