"""Reads the cost of a run of pipeline_ex from its log and its files.

The claude program tells the dollars of each question in its result message. The log of a `claude` step has this
message. The other claude steps log no messages, and save a cost of 0. A gemini step that saves its output saves its
tokens with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import yaml

from workbench.execution.pipeline_ex.log import Log, plain_text, read_log
from workbench.execution.runtime import TellsCost
from workbench.money.meter import Meter
from workbench.money.price import Tokens
from workbench.pipeline_file.document import mappings, scalar_text, value

#: The type of the steps whose questions are logged with their cost.
LOGGED_TYPE = "claude"


def tells_cost(root: yaml.Node | None) -> TellsCost:
    """Return when runs of a pipeline file tell their cost. Without a file, pipeline_ex runs its own claude steps."""
    if root is None:
        return "afterwards"
    types = (scalar_text(value(mapping, "type")) or "" for mapping in mappings(root))
    asking = {kind for kind in types if kind.startswith(("claude", "gemini"))}
    return "afterwards" if asking <= {LOGGED_TYPE} else "never"


def meter_run(stdout: str, files: Mapping[str, str], meter: Meter) -> None:
    """Tell the meter what a run cost, as far as its log and its files tell it."""
    log = read_log(plain_text(stdout))
    amounts = [answer.dollars for answer in log.answers]
    known = [amount for amount in amounts if amount is not None]
    if known:
        meter.charge("pipeline_ex: claude", sum(known))
    gemini = [saved for text in files.values() if (saved := _gemini(text)) is not None]
    for model, tokens in gemini:
        meter.use("gemini", model, tokens)
    for who in _silent(log, len(known), bool(gemini)):
        meter.silent(who)
    if not log.asked_model and not known:
        meter.free()


def _silent(log: Log, known: int, gemini: bool) -> list[str]:
    """Return a name for each answer, or kind of answers, whose cost is not known.

    Args:
        known: the number of claude's answers whose cost is known.
        gemini: True if a gemini step saved its tokens.
    """
    questions = max(log.questions, len(log.answers))
    silent = ["pipeline_ex: claude"] * max(0, questions - known)
    silent += ["pipeline_ex: claude steps that log no messages"] * (log.unlogged > 0)
    return silent + ["pipeline_ex: gemini"] * (log.has("gemini") and not gemini)


def _gemini(text: str) -> tuple[str, Tokens] | None:
    """Return the model and the tokens that a gemini step saved, or None if the text is no such output."""
    try:
        saved = json.loads(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(saved, dict) or "session_id" in saved:
        return None
    tokens, model = saved.get("tokens"), saved.get("model")
    if not isinstance(tokens, dict) or not isinstance(model, str):
        return None
    inputs, outputs = tokens.get("input"), tokens.get("output")
    if not isinstance(inputs, int) or not isinstance(outputs, int) or min(inputs, outputs) < 0:
        return None
    return model, Tokens(input=inputs, output=outputs)
