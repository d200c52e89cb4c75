"""How the failures of the `claude` program are recognised."""

from __future__ import annotations

import json

from workbench.models.claude_failures import LIST, says_error


def test_every_entry_of_the_list_of_failures_can_be_recognised() -> None:
    """Each entry can be recognised by words or by a code. Each example of an error is one, and a plan is none."""
    entries = json.loads(LIST.read_text())
    assert all(entry["kind"] and (entry["code"] or entry["words"]) for entry in entries)
    assert says_error("API Error: 500 x")
    assert not says_error("title: API Error handling")
