"""The runtime's tables of finish reasons cover the enumerations of the official SDKs.

`runtime/test/data/finish_reasons.json` lists the members of each enumeration, and the runtime's own tests compare its
tables with this file. These tests compare the file with the installed SDKs, so that a new SDK turns them red.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from anthropic.types import StopReason
from google.genai import types

MEMBERS = json.loads(
    (Path(__file__).parents[3] / "runtime" / "test" / "data" / "finish_reasons.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    ("provider", "name", "members"),
    [
        ("gemini", "FinishReason", [member.value for member in types.FinishReason]),
        ("gemini", "BlockedReason", [member.value for member in types.BlockedReason]),
        ("anthropic", "StopReason", list(get_args(StopReason))),
    ],
)
def test_every_reason_of_the_sdk_is_in_the_runtimes_table(provider: str, name: str, members: list[str]) -> None:
    """A reason that an SDK adds or drops has to get its line in the provider's table."""
    assert MEMBERS[provider][name] == sorted(members)
