"""Tests of where keys come from. tests/flows/test_champion.py has a run with the key of a real Secret block."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command_line import study
from workbench.study.opening import RunOptions, load
from workbench.tasks import keys
from workbench.tasks.keys import block_name, take_keys


class Blocks:
    """A stand-in for the server's blocks, of which only `plan-key` exists."""

    names: list[str]

    @classmethod
    def load(cls, name: str) -> Blocks:
        cls.names.append(name)
        if name != "plan-key":
            raise ValueError("no such block")
        return cls()

    def get(self) -> str:
        return "secret"


def test_only_missing_keys_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another name of the same key counts. A key without a block stays missing."""
    monkeypatch.setattr(keys, "Secret", Blocks)
    Blocks.names = []
    file = study(tmp_path, proposer={"model": "anthropic/claude-opus-5-5"})
    values = {**json.loads(file.read_text()), "runtime": "command", "command": ["cat"]}
    del values["pipeline"]
    file.write_text(json.dumps({**values, "environment": ["PLAN_KEY", "OTHER"]}))
    environ = {"GOOGLE_API_KEY": "own", "OTHER": "own"}
    take_keys(load(RunOptions(file)), environ)
    assert Blocks.names == ["anthropic-api-key", "plan-key"]
    assert environ == {"GOOGLE_API_KEY": "own", "OTHER": "own", "PLAN_KEY": "secret"}
    assert block_name("GEMINI_API_KEY") == "gemini-api-key"
