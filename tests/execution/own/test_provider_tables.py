"""The runtime's tables of finish reasons cover the enumerations of the official SDKs.

`runtime/test/data/finish_reasons.json` lists the members of each enumeration, and the runtime's own tests compare its
tables with this file. These tests compare the file with the installed SDKs, so that a new SDK turns them red.

Importing `anthropic` takes seconds, so only the test that needs it imports it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from google.genai import types

MEMBERS = json.loads(
    (Path(__file__).parents[3] / "runtime" / "test" / "data" / "finish_reasons.json").read_text(encoding="utf-8")
)


def stop_reasons() -> list[str]:
    from anthropic.types import StopReason

    return list(get_args(StopReason))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("provider", "name", "members"),
    [
        ("gemini", "FinishReason", lambda: [member.value for member in types.FinishReason]),
        ("gemini", "BlockedReason", lambda: [member.value for member in types.BlockedReason]),
        ("anthropic", "StopReason", stop_reasons),
    ],
)
def test_every_reason_of_the_sdk_is_in_the_runtimes_table(
    provider: str, name: str, members: Callable[[], list[str]]
) -> None:
    """A reason that an SDK adds or drops has to get its line in the provider's table."""
    assert MEMBERS[provider][name] == sorted(members())
