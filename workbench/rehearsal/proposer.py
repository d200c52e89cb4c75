"""The scripted proposer: answer the requests of DSPy's optimizers and of the `writer` program.

All requests are answered in the same way. The proposer reads the output fields from the request, and fills each field
according to its name. It sees what a real proposer sees: instructions, scores and, if the request has feedback, the
topics that the judge found missing.
"""

from __future__ import annotations

import ast
import json
import random
import re

from workbench.rehearsal.model_request import ModelRequest
from workbench.rehearsal.words import meaningful

#: Advice that improves any plan. Without feedback, the proposer has nothing else to add.
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

#: The most topics that an edit takes up, as many as the judge names.
NAMED = 4
#: The most topics that an instruction names.
MOST_TOPICS = 30
#: The probability that a new instruction drops a part of the old instruction.
FORGETS = 0.1
#: The probabilities that a new instruction takes up a missing topic, and that it adds a line of `CRAFT`.
TAKES_UP, ADDS_CRAFT = 0.75, 0.4

_INPUTS = re.compile(r"\[\[ ## (\w+) ## \]\]\n(.*?)(?=\n\n\[\[ ## |\n\nRespond with |\Z)", re.DOTALL)
_OUTPUTS = re.compile(r"Your output fields are:\n(.*?)\nAll interactions", re.DOTALL)
_MISSING = re.compile(r"[Mm]issing: ([^.\"\\\n]+)")
_COVER = re.compile(r"\s*Cover these: ([^.]*)\.")


def is_for_proposer(request: ModelRequest) -> bool:
    """Return True if the request has DSPy's format."""
    return _OUTPUTS.search(request.system) is not None


def answer(request: ModelRequest, rng: random.Random) -> str:
    """Return all output fields, as JSON or in DSPy's chat format, as the request demands."""
    inputs = dict(_INPUTS.findall("\n".join(request.last_texts)))
    output_list = _OUTPUTS.search(request.system)
    fields = re.findall(r"^\d+\. `(\w+)`", output_list[1] if output_list else "", re.MULTILINE)
    values = {field: _value(field, inputs, request.system, rng) for field in fields}
    if "Outputs will be a JSON object" in request.system or request.schema is not None:
        return json.dumps(values)
    sections = (
        f"[[ ## {field} ## ]]\n{value if isinstance(value, str) else json.dumps(value)}"
        for field, value in values.items()
    )
    return "\n\n".join([*sections, "[[ ## completed ## ]]"])


def _value(field: str, inputs: dict[str, str], system: str, rng: random.Random) -> str | dict[str, str]:
    """Return the value of an output field, chosen by the field's name."""
    if field == "prompt":
        return _prompt(inputs, system)
    if field == "module_advice":
        advice = f"If the module receives a goal, then it should write as follows. {_instruction(inputs, rng)}"
        return dict.fromkeys(_module_names(inputs.get("module_names", "")), advice)
    if field == "edits":
        return json.dumps(_edits(inputs, rng))
    if "instruction" in field:
        return _instruction(inputs, rng)
    if "prefix" in field:
        return "The plan:"
    words = list(meaningful(" ".join(inputs.values())).values())[:8]
    return f"It is about {', '.join(words)}." if words else "There is nothing to add."


def _instruction(inputs: dict[str, str], rng: random.Random) -> str:
    """Return an improved instruction.

    If the request names missing topics, the new instruction asks for most of them. Otherwise it gets some lines of
    `CRAFT`.
    """
    old = _old_instruction(inputs)
    missing = [word for group in _MISSING.findall("\n".join(inputs.values())) for word in group.split(", ")]
    topics = [word for group in _COVER.findall(old) for word in group.split(", ")]
    if missing:
        added = [word.strip() for word in missing if rng.random() < TAKES_UP] or missing[:1]
        topics += [word for word in dict.fromkeys(added) if word not in topics]
        if rng.random() < FORGETS:
            topics = rng.sample(topics, max(1, len(topics) * 2 // 3))
        new_craft = [line for line in CRAFT if line not in old]
        craft_line = f" {rng.choice(new_craft)}" if new_craft and rng.random() < ADDS_CRAFT else ""
        return f"{_COVER.sub('', old).strip()}{craft_line} Cover these: {', '.join(topics[:MOST_TOPICS])}."
    old_craft = [line for line in CRAFT if line in old]
    new_craft = [line for line in CRAFT if line not in old_craft]
    added = rng.sample(new_craft, min(rng.randint(1, 3), len(new_craft)))
    if old_craft and rng.random() < FORGETS:
        old_craft = old_craft[1:]
    base = old
    for line in CRAFT:
        base = base.replace(line, "")
    return " ".join([" ".join(base.split()), *old_craft, *added])


def _edits(inputs: dict[str, str], rng: random.Random) -> list[dict[str, str | int]]:
    """Return edits of a prompt in numbered pieces: remove a piece, take up missing topics, or add a line of `CRAFT`."""
    pieces = re.findall(r"^(\d+)\. ", inputs.get("pieces", ""), re.MULTILINE)
    if len(pieces) > 1 and rng.random() < FORGETS:
        return [{"action": "remove", "piece": int(rng.choice(pieces[1:])), "reason": "The prompt should stay short."}]
    edits: list[dict[str, str | int]] = []
    prompt = inputs.get("pieces", "")
    missing = [word.strip() for group in _MISSING.findall(inputs.get("judgements", "")) for word in group.split(",")]
    new = [word for word in dict.fromkeys(missing) if word not in prompt]
    if new:
        words = rng.sample(new, min(NAMED, len(new)))
        topics = [word for word in words if rng.random() < TAKES_UP] or words[:1]
        text = f"Cover {' and '.join(filter(None, [', '.join(topics[:-1]), topics[-1]]))}."
        edits.append({"action": "add", "text": text, "reason": "The judge found that the plan does not cover it."})
    new_craft = [line for line in CRAFT if line not in prompt]
    if new_craft and (not new or rng.random() < ADDS_CRAFT):
        edits.append({"action": "add", "text": rng.choice(new_craft), "reason": "It improves any plan."})
    return edits


def _old_instruction(inputs: dict[str, str]) -> str:
    """Return the instruction to improve. Of several attempts it is the last one: DSPy sorts the best one last."""
    for name in ("current_instruction", "basic_instruction", "instruction"):
        if inputs.get(name, "").strip():
            return inputs[name].strip()
    attempts = re.findall(
        r"Instruction #\d+: (.*?)(?=\n?\[?\d*\]?\W*Prefix #)", inputs.get("attempted_instructions", ""), re.DOTALL
    )
    return attempts[-1].strip(" '\",«»\n") if attempts else "Write the plan that the goal asks for."


def _module_names(text: str) -> list[str]:
    """Return the names of a Python list of names, or DSPy's usual name if the text is no such list."""
    try:
        names = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return ["predict"]
    return [str(name) for name in names] if isinstance(names, list) else ["predict"]


def _prompt(inputs: dict[str, str], system: str) -> str:
    """Return a prompt for the pipeline: the goal, followed by the writer's own instructions."""
    objective = system.partition("your objective is:")[2]
    goal = inputs.get("high_level_goal") or next(iter(inputs.values()), "")
    return f"{goal.strip()}\n\n{' '.join(objective.split())}"
