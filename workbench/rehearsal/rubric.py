"""The scripted judge with a rubric: draw criteria from gold plans, and answer the criteria for a plan.

Drawn criteria ask for the aspects of a good plan and for the gold plan's topics, in words of their own.
"""

from __future__ import annotations

import json
import random
import re

from workbench.rehearsal.craft import ASPECTS, aspects
from workbench.rehearsal.judge import contents, without_retracted
from workbench.rehearsal.model_request import ModelRequest
from workbench.rehearsal.words import stem, stems, topics

#: How many criteria ask for topics, and how many for aspects. The gold plan's aspects come first, and count more.
TOPICS, ASPECTS_ASKED = 6, 6
#: The share of answers that are one step worse than the plan deserves.
SEVERE_SHARE = 0.06
#: The most words of a quote.
QUOTED_WORDS = 12

_NUMBERED = re.compile(r"^(\d+)\. (.*)$", re.MULTILINE)
_STEPS_ON = re.compile(r'concrete steps on "([^"]+)"')
#: Stems of words that stand in every plan.
GENERIC = frozenset(
    stem(word)
    for word in (
        "action", "change", "condition", "critical", "current", "error", "file", "fix", "implementation", "issue",
        "module", "priority", "problem", "report", "section", "solution", "stage", "step", "strategy", "system",
        "testing", "total",
    )
)  # fmt: skip


def is_for_drawing(request: ModelRequest) -> bool:
    """Return True if the request asks for criteria with questions."""
    return "question" in _item_keys(request)


def is_for_answers(request: ModelRequest) -> bool:
    """Return True if the request asks for answers to criteria."""
    return {"answer", "evidence"} <= _item_keys(request)


def _item_keys(request: ModelRequest) -> set[str]:
    """Return the keys of one criterion in the answer that a request asks for."""
    criteria = ((request.schema or {}).get("properties") or {}).get("criteria") or {}
    return set((criteria.get("items") or {}).get("properties") or {})


def draw(request: ModelRequest) -> str:
    """Return criteria as JSON."""
    gold_plans = "\n\n".join(contents("\n".join(request.last_texts), "gold_plan"))
    words = [word.lower() for topic, word, _ in topics(gold_plans) if topic not in GENERIC][:TOPICS]
    in_gold = aspects(gold_plans)
    drawn_aspects = [*in_gold, *(aspect for aspect in ASPECTS if aspect not in in_gold)][:ASPECTS_ASKED]
    criteria = [
        {"name": f"steps on {word}", "question": f'Does the plan have concrete steps on "{word}"?', "weight": 2}
        for word in words
    ]
    criteria += [
        {
            "name": aspect.name,
            "question": f"Does the plan have {aspect.name}?",
            "weight": 2 if aspect in in_gold else 1,
        }
        for aspect in drawn_aspects
    ]
    return json.dumps({"criteria": criteria})


def answer(request: ModelRequest, rng: random.Random) -> str:
    """Return answers as JSON. Each answer has words of the plan as its evidence, unless it is "no"."""
    text = "\n".join(request.last_texts)
    plan = without_retracted("\n\n".join(contents(text, "plan")))
    listed = _NUMBERED.findall("\n".join(contents(text, "criteria")))
    answers = [_answer(int(number), criterion, plan, rng) for number, criterion in listed]
    open_points = [
        listed[index][1].partition(":")[0] for index, entry in enumerate(answers) if entry["answer"] != "yes"
    ]
    reason = (
        f"Most of it could be carried out. Missing: {', '.join(open_points[:3])}." if open_points else "All is there."
    )
    return json.dumps({"criteria": answers, "reason": reason})


def _answer(number: int, criterion: str, plan: str, rng: random.Random) -> dict[str, object]:
    """Return the answer to one criterion, by the number of lines of the plan that meet it."""
    lines = [line for line in plan.split("\n") if _meets(criterion, line)]
    # A topic in a single line may only be mentioned, so "yes" needs two lines. A plan has an aspect in one line.
    lines_needed = 1 if aspects(criterion) else 2
    grade = min(2, 2 * len(lines) // lines_needed)
    if grade and rng.random() < SEVERE_SHARE:
        grade -= 1
    evidence = " ".join(lines[0].split()[:QUOTED_WORDS]) if grade else ""
    return {"number": number, "evidence": evidence, "answer": ("no", "partly", "yes")[grade]}


def _meets(criterion: str, line: str) -> bool:
    """Return True if a line of the plan shows what the criterion asks for."""
    if subject := _STEPS_ON.search(criterion):
        return stem(subject[1]) in stems(line)
    if criterion_aspects := aspects(criterion):
        return any(aspect.cue.search(line) for aspect in criterion_aspects)
    # A person wrote the criterion. A line meets it if the line has half of its words.
    words = stems(criterion)
    return bool(words) and 2 * len(words & stems(line)) >= len(words)
