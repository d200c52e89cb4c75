"""The scripted proposer: answers what DSPy's optimizers ask, and the `writer` program.

One mechanism for all: the wanted output fields are read from the request, and each is filled according to its name. It
sees what a real one would see: instructions, scores, and where there is feedback, what the judge found missing.
"""

from __future__ import annotations

import ast
import json
import random
import re

from workbench.rehearsal.model_request import ModelRequest
from workbench.rehearsal.words import meaningful

#: What makes plans better in general: all that a proposer without feedback can say.
CRAFT = (
    "Name every file and module that has to change.",
    "For each stage state the problem, the action items and the tests.",
    "Order the stages by severity, critical issues first.",
    "Show the wrong code and the correct implementation pattern.",
    "Give a time estimate and the risk and impact of each stage.",
    "End with verification steps, success criteria and a checklist.",
    "Say how each stage is rolled back, and what is monitored in production.",
    "Deal with resource leaks, error handling and supervision of processes.",
    "Say what the continuous integration pipeline checks and enforces.",
    "Separate immediate fixes from the migration of the architecture.",
    "Name the telemetry, alerts and performance that prove the improvement.",
    "Write custom lint rules that ban the dangerous primitives.",
)  # fmt: skip

MOST_TOPICS = 30
#: How often a new instruction forgets some of what the old one had.
FORGETS = 0.1
#: How often it takes up a thing that was found missing, and adds a general rule besides.
TAKES_UP, ADDS_CRAFT = 0.75, 0.4

_INPUTS = re.compile(r"\[\[ ## (\w+) ## \]\]\n(.*?)(?=\n\n\[\[ ## |\n\nRespond with |\Z)", re.DOTALL)
_OUTPUTS = re.compile(r"Your output fields are:\n(.*?)\nAll interactions", re.DOTALL)
_MISSING = re.compile(r"[Mm]issing: ([^.\"\\\n]+)")
_COVER = re.compile(r"\s*Cover these: ([^.]*)\.")


def wanted(asked: ModelRequest) -> bool:
    """Whether this is a request in DSPy's format."""
    return _OUTPUTS.search(asked.system) is not None


def answer(asked: ModelRequest, luck: random.Random) -> str:
    given = dict(_INPUTS.findall("\n".join(asked.last)))
    listed = _OUTPUTS.search(asked.system)
    fields = re.findall(r"^\d+\. `(\w+)`", listed[1] if listed else "", re.MULTILINE)
    filled = {field: _fill(field, given, asked.system, luck) for field in fields}
    if "Outputs will be a JSON object" in asked.system or asked.schema is not None:
        return json.dumps(filled)
    shown = (
        f"[[ ## {field} ## ]]\n{value if isinstance(value, str) else json.dumps(value)}"
        for field, value in filled.items()
    )
    return "\n\n".join([*shown, "[[ ## completed ## ]]"])


def _fill(field: str, given: dict[str, str], system: str, luck: random.Random) -> str | dict[str, str]:
    if field == "prompt":
        return _prompt(given, system)
    if field == "module_advice":
        advice = f"If the module receives a goal, then it should write as follows. {_instruction(given, luck)}"
        return dict.fromkeys(_names(given.get("module_names", "")), advice)
    if "instruction" in field:
        return _instruction(given, luck)
    if "prefix" in field:
        return "The plan:"
    about = list(meaningful(" ".join(given.values())).values())[:8]
    return f"It is about {', '.join(about)}." if about else "There is nothing to add."


def _instruction(given: dict[str, str], luck: random.Random) -> str:
    """The instruction that there is, with what was found missing in it, or with some craft."""
    old = _current(given)
    missing = [word for found in _MISSING.findall("\n".join(given.values())) for word in found.split(", ")]
    topics = [word for found in _COVER.findall(old) for word in found.split(", ")]
    if missing:
        taken = [word.strip() for word in missing if luck.random() < TAKES_UP] or missing[:1]
        topics += [word for word in dict.fromkeys(taken) if word not in topics]
        if luck.random() < FORGETS:
            topics = luck.sample(topics, max(1, len(topics) * 2 // 3))
        craft = [line for line in CRAFT if line not in old]
        more = f" {luck.choice(craft)}" if craft and luck.random() < ADDS_CRAFT else ""
        return f"{_COVER.sub('', old).strip()}{more} Cover these: {', '.join(topics[:MOST_TOPICS])}."
    kept = [line for line in CRAFT if line in old]
    new = luck.sample([line for line in CRAFT if line not in kept], min(luck.randint(1, 3), len(CRAFT) - len(kept)))
    if kept and luck.random() < FORGETS:
        kept = kept[1:]
    base = old
    for line in CRAFT:
        base = base.replace(line, "")
    return " ".join([" ".join(base.split()), *kept, *new])


def _current(given: dict[str, str]) -> str:
    """What the new instruction is to improve on; of several attempts the last, which DSPy puts the best."""
    for name in ("current_instruction", "basic_instruction", "instruction"):
        if given.get(name, "").strip():
            return given[name].strip()
    tried = re.findall(
        r"Instruction #\d+: (.*?)(?=\n?\[?\d*\]?\W*Prefix #)", given.get("attempted_instructions", ""), re.DOTALL
    )
    return tried[-1].strip(" '\",«»\n") if tried else "Write the plan that the goal asks for."


def _names(said: str) -> list[str]:
    try:
        found = ast.literal_eval(said)
    except (ValueError, SyntaxError):
        return ["predict"]
    return [str(name) for name in found] if isinstance(found, list) else ["predict"]


def _prompt(given: dict[str, str], system: str) -> str:
    """A prompt for the pipeline: the goal, under the instructions that the writer itself was given."""
    objective = system.partition("your objective is:")[2]
    goal = given.get("high_level_goal") or next(iter(given.values()), "")
    return f"{goal.strip()}\n\n{' '.join(objective.split())}"
