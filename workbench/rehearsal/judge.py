"""The scripted judge: score a plan by the gold plans' topics that it covers, and by the aspects of a good plan in it.

The reason names missing aspects. It does not list the gold plan's words.
"""

from __future__ import annotations

import json
import random
import re
from bisect import bisect_left

from workbench.rehearsal.craft import ASPECTS, aspects
from workbench.rehearsal.model_request import ModelRequest
from workbench.rehearsal.words import stems, topics

#: The standard deviation of the random error of a score, in points.
NOISE = 0.3
#: How many missing aspects the reason names at most.
NAMED = 4
#: The share of the score that the aspects decide. The gold plans' topics decide the rest.
CRAFT_SHARE = 0.4
#: How a sentence begins that takes the paragraph before it back.
RETRACTS = "Leave out the step above"


def is_for_judge(request: ModelRequest) -> bool:
    """Return True if the request asks for a score with a reason."""
    return request.schema is not None and {"score", "reason"} <= set(request.schema.get("properties", {}))


def answer(request: ModelRequest, rng: random.Random) -> str:
    """Return a verdict as JSON: a reason that names missing aspects, and the score."""
    text = "\n".join(request.last_texts)
    gold_plans = "\n\n".join(contents(text, "gold_plan"))
    plan = standing("\n\n".join(contents(text, "plan")))
    gold_topics = topics(gold_plans)
    plan_stems = stems(plan)
    total_weight = sum(weight for _, _, weight in gold_topics) or 1.0
    covered = sum(weight for stem, _, weight in gold_topics if stem in plan_stems) / total_weight
    # The curve is concave, so the first topics earn more points than the last topics.
    subject = 1 - (1 - covered) ** 1.4
    plan_aspects = aspects(plan)
    # A plan that is the gold plan, word for word, is as well made as the gold plan.
    craft = max(len(plan_aspects) / len(ASPECTS), _kept_share(gold_plans, plan))
    score = 10 * ((1 - CRAFT_SHARE) * subject + CRAFT_SHARE * craft) + rng.gauss(0, NOISE)
    present = [word for stem, word, _ in gold_topics if stem in plan_stems]
    missing = [aspect.name for aspect in ASPECTS if aspect not in plan_aspects]
    rng.shuffle(missing)
    parts = [f"The plan deals with {_and(present[:3])}." if present else "The plan hardly touches the subject."]
    if missing:
        parts.append(f"Missing: {', '.join(missing[:NAMED])}.")
    return json.dumps({"reason": " ".join(parts), "score": round(min(10.0, max(0.0, score)), 1)})


def standing(plan: str) -> str:
    """Return a plan without the paragraphs that it takes back: a sentence after such a paragraph says so."""
    kept: list[str] = []
    for line in plan.split("\n"):
        if not line.startswith(RETRACTS):
            kept.append(line)
            continue
        while kept and not kept[-1].strip():
            kept.pop()
        while kept and kept[-1].strip():
            kept.pop()
    return "\n".join(kept)


def _kept_share(gold_plans: str, plan: str) -> float:
    """Return the share of the gold plans' lines that the plan has, word for word and in the same order."""
    lines = [line.strip() for line in gold_plans.split("\n") if line.strip()]
    places = {line: place for place, line in enumerate(lines)}
    #: The smallest last place of each length of a sequence in the right order (Schensted, 1961).
    ends: list[int] = []
    for line in plan.split("\n"):
        if (place := places.get(line.strip())) is not None:
            at = bisect_left(ends, place)
            ends[at : at + 1] = [place]
    return len(ends) / len(places) if places else 0.0


def contents(text: str, tag: str) -> list[str]:
    """Return the contents of every element with this tag."""
    return [content.strip() for content in re.findall(rf"<{tag}>\n(.*?)\n</{tag}>", text, re.DOTALL)]


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
