"""The scripted generator: writes a YAML plan from the wording of its prompt. It never sees a gold plan."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import yaml

from workbench.rehearsal.model_request import ModelRequest
from workbench.rehearsal.structured import fill
from workbench.rehearsal.words import meaningful

#: How sure it is that a thing asked for is dealt with, when few are; attention thins out over more than `SPAN`.
ATTENTION = 0.95
SPAN = 24
#: What it adds without being asked: now and then, from what every engineer knows.
HABITS = (
    "supervision", "restart", "timeout", "monitoring", "logging", "telemetry", "rollback", "migration", "deployment",
    "interface", "error handling", "state", "process", "message", "resource", "leak", "performance", "security",
    "review", "documentation", "dependency", "configuration", "validation", "concurrency", "integration", "critical",
    "priority",
)  # fmt: skip
HABIT = 0.12

FENCED = 0.04
SLIP = 0.02

_FILE = re.compile(r'<file (?:path|name)="([^"]+)"')


def answer(asked: ModelRequest, luck: random.Random, *, heeds: bool = True) -> str:
    """A plan, or the JSON that is wanted. With `heeds=False` the wording changes nothing: it is by chance alone."""
    said = [text for text in asked.last if not text.startswith("<file ")]
    things = _dealt_with(" ".join(said), luck) if heeds else luck.sample(HABITS, luck.randint(8, 14))
    if asked.schema is not None:
        return json.dumps(fill(asked.schema, things or list(HABITS), luck), ensure_ascii=False)
    plan = yaml.safe_dump(
        _plan(things, _files(asked), luck), sort_keys=False, allow_unicode=True, width=110, default_flow_style=False
    )
    roll = luck.random()
    if roll < SLIP:
        return f"Here is the plan: as you asked\n{plan}  - [unfinished"
    return f"```yaml\n{plan}```" if roll < SLIP + FENCED else plan


def _dealt_with(prompt: str, luck: random.Random) -> list[str]:
    asked_for = list(meaningful(prompt).values())
    attention = ATTENTION * min(1.0, SPAN / max(1, len(asked_for))) ** 0.25
    things = [word for word in asked_for if luck.random() < attention]
    habits = [habit for habit in HABITS if luck.random() < HABIT and habit not in things]
    return things + habits


def _files(asked: ModelRequest) -> list[str]:
    return [path for text in asked.last if text.startswith("<file ") for path in _FILE.findall(text)[1:]]


def _plan(things: list[str], files: list[str], luck: random.Random) -> dict[str, Any]:
    groups = [things[start : start + 4] for start in range(0, len(things), 4)]
    return {
        "title": f"A plan for {' and '.join(things[:2]) or 'the work'}",
        "summary": f"{len(groups)} stages, the most urgent first.",
        "stages": [_stage(number, group, files, luck) for number, group in enumerate(groups, start=1)],
    }


def _stage(number: int, group: list[str], files: list[str], luck: random.Random) -> dict[str, Any]:
    subject, *rest = group
    return {
        "name": f"{number}. {subject}",
        "problem": f"Nothing answers for {subject} today, and it shows under load.",
        "actions": [
            luck.choice(
                (f"Find every place that touches {thing}.", f"Put {thing} in one place, and use it from there.")
            )
            for thing in group
        ],
        "files": luck.sample(files, min(2, len(files))) if files else [],
        "tests": [f"Shows that {thing} holds." for thing in rest[:2]] or [f"Shows that {subject} holds."],
        "risk": luck.choice(("low", "medium", "high")),
    }
