"""The scripted proposer: answer the requests of DSPy's optimizers and of the `writer` program.

All requests are answered in the same way. The proposer reads the output fields from the request, and fills each field
according to its name. It sees what a real proposer sees: instructions, scores and, if the request has feedback, what
the judge found missing. It adds sentences that an engineer would write, and some that sound good and help nobody.
"""

from __future__ import annotations

import ast
import json
import random
import re

from workbench.rehearsal.craft import INSTRUCTIONS, aspects
from workbench.rehearsal.model_request import ModelRequest
from workbench.rehearsal.words import meaningful

#: The most instructions that a new prompt takes up from the judge's reasons at once.
MOST_TAKEN_UP = 3
#: The probability that a new prompt drops one of its instructions.
FORGETS = 0.1
#: The probabilities that a new prompt asks for a missing aspect, and that it adds an instruction nobody asked for.
TAKES_UP, ADDS_OTHER = 0.75, 0.4

_INPUTS = re.compile(r"\[\[ ## (\w+) ## \]\]\n(.*?)(?=\n\n\[\[ ## |\n\nRespond with |\Z)", re.DOTALL)
_OUTPUTS = re.compile(r"Your output fields are:\n(.*?)\nAll interactions", re.DOTALL)
_MISSING = re.compile(r"[Mm]issing: ([^.\"\\\n]+)")


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
    if field == "conflicts":
        return json.dumps(_conflicts(inputs.get("pieces", "")))
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

    If the request names missing aspects, the new instruction asks for most of them. Otherwise it gets some instructions
    at random.
    """
    old = _old_instruction(inputs)
    added = _instructions_for_missing("\n".join(inputs.values()), old, rng)[:MOST_TAKEN_UP]
    others = [text for text in INSTRUCTIONS if text not in old and text not in added]
    if not added:
        added = rng.sample(others, min(rng.randint(1, 3), len(others)))
    elif others and rng.random() < ADDS_OTHER:
        added.append(rng.choice(others))
    removable = [text for text in INSTRUCTIONS if text in old]
    if removable and rng.random() < FORGETS:
        old = " ".join(old.replace(rng.choice(removable), "").split())
    return " ".join([old, *added])


def _edits(inputs: dict[str, str], rng: random.Random) -> list[dict[str, str | int]]:
    """Return edits of a prompt in numbered pieces: remove a piece, or add one instruction or two."""
    prompt = inputs.get("pieces", "")
    pieces = re.findall(r"^(\d+)\. ", prompt, re.MULTILINE)
    if len(pieces) > 1 and rng.random() < FORGETS:
        return [{"action": "remove", "piece": int(rng.choice(pieces[1:])), "reason": "The prompt should stay short."}]
    edits: list[dict[str, str | int]] = []
    added = _instructions_for_missing(inputs.get("judgements", ""), prompt, rng)[:1]
    for text in added:
        edits.append({"action": "add", "text": text, "reason": "The judge found that the plan lacks it."})
    others = [text for text in INSTRUCTIONS if text not in prompt and text not in added]
    if others and (not added or rng.random() < ADDS_OTHER):
        edits.append({"action": "add", "text": rng.choice(others), "reason": "It improves any plan."})
    return edits


def _conflicts(prompt: str) -> list[dict[str, object]]:
    """Return the pairs of numbered pieces that ask for the same aspect of a plan."""
    pieces = [(int(number), text) for number, text in re.findall(r"^(\d+)\. (.*)$", prompt, re.MULTILINE)]
    return [
        {"pieces": [number, other], "problem": "repetition", "reason": f"Both ask for {aspect.name}."}
        for index, (number, text) in enumerate(pieces)
        for other, later in pieces[index + 1 :]
        for aspect in aspects(text)
        if aspect.cue.search(later)
    ]


def _instructions_for_missing(reasons: str, prompt: str, rng: random.Random) -> list[str]:
    """Return one instruction for most aspects that a judge misses and that the prompt does not ask for.

    If there is such an aspect, there is at least one instruction.
    """
    missing = [aspect for aspect in aspects(" ".join(_MISSING.findall(reasons))) if not aspect.cue.search(prompt)]
    taken_up = [aspect for aspect in missing if rng.random() < TAKES_UP] or missing[:1]
    rng.shuffle(taken_up)
    return [rng.choice(aspect.instructions) for aspect in taken_up]


def _old_instruction(inputs: dict[str, str]) -> str:
    """Return the instruction to improve. DSPy sorts attempts by their scores, so the last attempt is the best."""
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
