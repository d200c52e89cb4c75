"""The scripted judge: reads the gold plans in its prompt, and looks for what they are about in the plan."""

from __future__ import annotations

import json
import random
import re

from workbench.rehearsal.model_request import ModelRequest
from workbench.rehearsal.words import stems, topics

#: Standard deviation of what two readings of the same plan differ by, in points.
NOISE = 0.3
NAMED = 4


def wanted(asked: ModelRequest) -> bool:
    """Whether this is asked for: a score with its reason."""
    return asked.schema is not None and {"score", "reason"} <= set(asked.schema.get("properties", {}))


def answer(asked: ModelRequest, luck: random.Random) -> str:
    text = "\n".join(asked.last)
    gold = "\n\n".join(_inside(text, "gold_plan"))
    plan = "\n\n".join(_inside(text, "plan"))
    about = topics(gold)
    there = stems(plan)
    whole = sum(weight for _, _, weight in about) or 1.0
    covered = sum(weight for key, _, weight in about if key in there) / whole
    # The first half of what matters is easier to earn than the second.
    score = 10 * (1 - (1 - covered) ** 1.4) + luck.gauss(0, NOISE)
    has = [word for key, word, _ in about if key in there]
    lacks = [word for key, word, _ in about if key not in there]
    luck.shuffle(lacks)
    parts = [f"The plan deals with {_and(has[:3])}." if has else "The plan hardly touches the subject."]
    if lacks:
        parts.append(f"Missing: {', '.join(lacks[:NAMED])}.")
    return json.dumps({"score": round(min(10.0, max(0.0, score)), 1), "reason": " ".join(parts)})


def _inside(text: str, tag: str) -> list[str]:
    return [found.strip() for found in re.findall(rf"<{tag}>\n(.*?)\n</{tag}>", text, re.DOTALL)]


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
