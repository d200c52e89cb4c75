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
#: The beginning of a sentence that takes back the paragraph before it.
RETRACTS = "Leave out the step above"


def is_for_judge(request: ModelRequest) -> bool:
    """Return True if the request asks for a score with a reason."""
    return request.schema is not None and {"score", "reason"} <= set(request.schema.get("properties", {}))


def answer(request: ModelRequest, rng: random.Random) -> str:
    """Return a verdict as JSON: a reason that names missing aspects, and the score."""
    text = "\n".join(request.last_texts)
    gold_plans = "\n\n".join(contents(text, "gold_plan"))
    plan = without_retracted("\n\n".join(contents(text, "plan")))
    gold_topics = topics(gold_plans)
    plan_stems = stems(plan)
    total_weight = sum(weight for _, _, weight in gold_topics) or 1.0
    covered = sum(weight for stem, _, weight in gold_topics if stem in plan_stems) / total_weight
    # The curve is concave, so the first topics earn more points than the last topics.
    subject = 1 - (1 - covered) ** 1.4
    plan_aspects = aspects(plan)
    # A plan that repeats the gold plan word for word is as well made as the gold plan, whatever aspects it has.
    craft = max(len(plan_aspects) / len(ASPECTS), _kept_share(gold_plans, plan))
    score = 10 * ((1 - CRAFT_SHARE) * subject + CRAFT_SHARE * craft) + rng.gauss(0, NOISE)
    present = [word for stem, word, _ in gold_topics if stem in plan_stems]
    missing = [aspect.name for aspect in ASPECTS if aspect not in plan_aspects]
    rng.shuffle(missing)
    parts = [f"The plan deals with {_and(present[:3])}." if present else "The plan hardly touches the subject."]
    if missing:
        parts.append(f"Missing: {', '.join(missing[:NAMED])}.")
    return json.dumps({"reason": " ".join(parts), "score": round(min(10.0, max(0.0, score)), 1)})


def without_retracted(plan: str) -> str:
    """Return a plan without the paragraphs that the plan takes back by a sentence after them."""
    lines: list[str] = []
    for line in plan.split("\n"):
        if not line.startswith(RETRACTS):
            lines.append(line)
            continue
        while lines and not lines[-1].strip():
            lines.pop()
        while lines and lines[-1].strip():
            lines.pop()
    return "\n".join(lines)


def _kept_share(gold_plans: str, plan: str) -> float:
    """Return the share of the gold plans' lines that the plan has, word for word and in the same order."""
    lines = [line.strip() for line in gold_plans.split("\n") if line.strip()]
    places = {line: place for place, line in enumerate(lines)}
    # For each length of a sequence of lines in the right order, the smallest place at which such a sequence can end
    # (Schensted, Canadian Journal of Mathematics 13, 1961).
    ends: list[int] = []
    for line in plan.split("\n"):
        if (place := places.get(line.strip())) is not None:
            index = bisect_left(ends, place)
            ends[index : index + 1] = [place]
    return len(ends) / len(places) if places else 0.0


def contents(text: str, tag: str) -> list[str]:
    """Return the contents of every element with this tag."""
    return [content.strip() for content in re.findall(rf"<{tag}>\n(.*?)\n</{tag}>", text, re.DOTALL)]


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
