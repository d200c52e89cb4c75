"""The scripted pipeline model: write a YAML plan that follows the wording of the prompt.

The generator never sees a gold plan.
"""

from __future__ import annotations

import json
import random
import re
from typing import Any

import yaml

from workbench.rehearsal.craft import ASPECTS, SHORTENS, Aspect, aspects
from workbench.rehearsal.model_request import ModelRequest
from workbench.rehearsal.structured import fill
from workbench.rehearsal.words import meaningful

#: The probability that the plan covers a topic of the prompt. With more than `SPAN` topics, the probability falls.
ATTENTION = 0.95
SPAN = 24
#: Topics that the plan may cover although the prompt does not name them. Each is added with probability
#: `HABIT_PROBABILITY`.
HABITS = (
    "supervision", "restart", "timeout", "monitoring", "logging", "telemetry", "rollback", "migration", "deployment",
    "interface", "error handling", "state", "process", "message", "resource", "leak", "performance", "security",
    "review", "documentation", "dependency", "configuration", "validation", "concurrency", "integration", "critical",
    "priority",
)  # fmt: skip
HABIT_PROBABILITY = 0.12

#: The probability that the plan has an aspect: if the prompt asks for the aspect, and if it does not.
ASKED, UNASKED = 0.9, 0.08
#: If the prompt shortens the plan, these two probabilities are multiplied by this factor.
KEPT_WHEN_SHORT = 0.6

#: The probability of a plan inside a Markdown code fence.
FENCED = 0.04
#: The probability of a text that is no valid YAML.
SLIP = 0.02

#: libyaml if PyYAML was built with it. It writes a plan six times as fast as PyYAML's own emitter.
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_FILE = re.compile(r'<file (?:path|name)="([^"]+)"')


def answer(request: ModelRequest, rng: random.Random, *, follows_prompt: bool = True) -> str:
    """Return a plan, or JSON if the request has a schema.

    Args:
        follows_prompt: if False, the topics are random, and the wording of the prompt changes nothing.
    """
    prompt_texts = [text for text in request.last_texts if not text.startswith("<file ")]
    topics = _covered_topics(" ".join(prompt_texts), rng) if follows_prompt else rng.sample(HABITS, rng.randint(8, 14))
    plan_aspects = _plan_aspects(" ".join(prompt_texts) if follows_prompt else "", rng)
    if request.schema is not None:
        words = [*topics, *(aspect.name for aspect in plan_aspects)] or list(HABITS)
        return json.dumps(fill(request.schema, words, rng), ensure_ascii=False)
    plan = yaml.dump(
        _plan(topics, plan_aspects, _files(request), rng),
        Dumper=_DUMPER,
        sort_keys=False,
        allow_unicode=True,
        width=110,
        default_flow_style=False,
    )
    roll = rng.random()
    if roll < SLIP:
        return f"Here is the plan: as you asked\n{plan}  - [unfinished"
    return f"```yaml\n{plan}```" if roll < SLIP + FENCED else plan


def _covered_topics(prompt: str, rng: random.Random) -> list[str]:
    """Return most of the prompt's topics, and a few habits."""
    prompt_topics = list(meaningful(prompt).values())
    attention = ATTENTION * min(1.0, SPAN / max(1, len(prompt_topics))) ** 0.25
    covered = [word for word in prompt_topics if rng.random() < attention]
    habits = [habit for habit in HABITS if rng.random() < HABIT_PROBABILITY and habit not in covered]
    return covered + habits


def _plan_aspects(prompt: str, rng: random.Random) -> list[Aspect]:
    """Return most of the aspects that the prompt asks for, and a few others. A prompt may shorten the list."""
    asked_aspects = aspects(prompt)
    factor = KEPT_WHEN_SHORT if SHORTENS.search(prompt) else 1.0
    return [aspect for aspect in ASPECTS if rng.random() < factor * (ASKED if aspect in asked_aspects else UNASKED)]


def _files(request: ModelRequest) -> list[str]:
    """Return the paths of the source files in the request's input files.

    The runtime puts a `<file name=…>` tag around each input file. So the first name in a text is left out. An input
    file that packs a codebase has a `<file path=…>` tag for each source file.
    """
    return [path for text in request.last_texts if text.startswith("<file ") for path in _FILE.findall(text)[1:]]


def _plan(topics: list[str], plan_aspects: list[Aspect], files: list[str], rng: random.Random) -> dict[str, Any]:
    """Return a plan with a stage for every four topics. Each aspect stands in one of the stages."""
    groups = [topics[start : start + 4] for start in range(0, len(topics), 4)]
    stages = [_stage(number, group, files, rng) for number, group in enumerate(groups, start=1)]
    # Each aspect is written once, in one of the stages.
    for number, aspect in enumerate(plan_aspects):
        if stages:
            stages[number % len(stages)][aspect.key] = aspect.text
    return {
        "title": f"A plan for {' and '.join(topics[:2]) or 'the work'}",
        "summary": f"{len(groups)} stages, the most urgent first.",
        "stages": stages or [{aspect.key: aspect.text} for aspect in plan_aspects],
    }


def _stage(number: int, group: list[str], files: list[str], rng: random.Random) -> dict[str, Any]:
    subject, *rest = group
    return {
        "name": f"{number}. {subject}",
        "problem": f"Nothing answers for {subject} today, and it shows under load.",
        "actions": [
            rng.choice((f"Find every place that touches {topic}.", f"Put {topic} in one place, and use it from there."))
            for topic in group
        ],
        "files": rng.sample(files, min(2, len(files))) if files else [],
        "tests": [f"Shows that {topic} holds." for topic in rest[:2]] or [f"Shows that {subject} holds."],
        "risk": rng.choice(("low", "medium", "high")),
    }
