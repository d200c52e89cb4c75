"""The runtime's tables of finish reasons cover the enumerations of the official SDKs.

`runtime/test/data/finish_reasons.json` lists the members of each enumeration, and the runtime's own tests compare its
tables with this file. These tests compare the file with the installed SDKs, so that a new SDK turns them red.

Importing `anthropic` and `google.genai` takes seconds, so only the functions that need them import them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

pytestmark = pytest.mark.slow

MEMBERS = json.loads(
    (Path(__file__).parents[3] / "runtime" / "test" / "data" / "finish_reasons.json").read_text(encoding="utf-8")
)


def finish_reasons() -> list[str]:
    from google.genai.types import FinishReason

    return [member.value for member in FinishReason]


def blocked_reasons() -> list[str]:
    from google.genai.types import BlockedReason

    return [member.value for member in BlockedReason]


def stop_reasons() -> list[str]:
    from anthropic.types import StopReason

    return list(get_args(StopReason))


@pytest.mark.parametrize(
    ("provider", "name", "members"),
    [
        ("gemini", "FinishReason", finish_reasons),
        ("gemini", "BlockedReason", blocked_reasons),
        ("anthropic", "StopReason", stop_reasons),
    ],
)
def test_every_reason_of_the_sdk_is_in_the_runtimes_table(
    provider: str, name: str, members: Callable[[], list[str]]
) -> None:
    """A reason that an SDK adds or drops has to get its line in the provider's table."""
    assert MEMBERS[provider][name] == sorted(members())
