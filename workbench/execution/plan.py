"""Retrieval: is what the pipeline wrote a plan? Model-written text is hostile: nothing of it is ever constructed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from workbench.execution.nodes import Nodes, line_of
from workbench.trial import Execution, Plan

MAX_BYTES = 1_000_000

FENCE = re.compile(r"^```[ \t]*([a-zA-Z]*)[ \t]*\r?$", re.MULTILINE)

#: What pipeline_ex makes of a reply of more than 100,000 characters: it is cut, and this stands at its end.
TRIMMED = re.compile(r"\.\.\. \[TRIMMED: (\d+) bytes total\][ \t]*\r?$", re.MULTILINE)
#: Line breaks that are still escaped, with the next line of a YAML text after them.
ESCAPED_LINES = re.compile(r"\\n[ ]*(?:- |[\w\"'-]{1,80}:)")
#: A quoted text that ends and goes on: pipeline_ex takes the backslash from `\"`.
DOUBLED_QUOTES = re.compile(r':[ \t]*"(?:"\w|[^"\n]{0,400}[ \t(]"\w[^"\n]{0,400}")')
MESSAGES = re.compile(r'\A\s*\{"type"\s*:\s*"(?:assistant|result|system)"')
#: What pipeline_ex puts around a reply in which it found no pipeline.
WRAPPED = re.compile(r"\Aworkflow:\n  name: generated_pipeline\n.{0,120}?\n  steps:\n(?P<reply>.*)\Z", re.DOTALL)


def retrieve(execution: Execution) -> Plan:
    """The plan of an execution. Never raises for what a model wrote: the plan's `problem` says what is wrong."""
    if execution.problem is not None:
        return Plan(execution.text, execution.problem)
    text = unfenced(execution.text)
    return Plan(text, problem(text))


def unfenced(text: str) -> str:
    """What stands in the markdown fence, where there is one block, or one that is marked as YAML.

    A text that is a plan as it is keeps its fences: they are part of a value.
    """
    if len(text) > MAX_BYTES or not (fences := list(FENCE.finditer(text))) or problem(text) is None:
        return text
    if len(fences) % 2:
        return text
    blocks = list(zip(fences[::2], fences[1::2], strict=True))
    marked = [block for block in blocks if block[0][1].lower() in ("yaml", "yml")]
    if any(end[1] for _, end in blocks) or (len(blocks) > 1 and len(marked) != 1):
        return text
    begin, end = marked[0] if marked else blocks[0]
    return text[begin.end() + 1 : end.start()]


def problem(text: str) -> str | None:
    """None for one YAML document with a mapping in it, else a sentence that an optimizer can learn from."""
    if not text.strip():
        return "the plan is empty"
    if (cut := TRIMMED.search(text)) is not None:
        return (
            f"pipeline_ex cut the reply off, which had {cut[1]} bytes: it keeps 100,000 characters; ask for less text"
        )
    if len(text.encode("utf-8", errors="replace")) > MAX_BYTES:
        return f"the plan is longer than {MAX_BYTES} bytes"
    wrong = _parsed(text)
    if wrong is None:
        return None
    hints = "".join(f"; {hint}" for hint in _hints(text))
    return f"{wrong}{hints}"


def _parsed(text: str) -> str | None:
    try:
        # Events, not objects: an alias is seen here once, however often it would be expanded.
        return _look(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        return f"the plan is no YAML: {error.problem}{where}"
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return f"the plan is no YAML: {str(error).splitlines()[0]}"


def _hints(text: str) -> Iterator[str]:
    """What else is to be seen in a text that is no plan: who spoiled it, and how the next one can be better."""
    if "```" in text:
        yield "there is a markdown fence in it"
    if MESSAGES.match(text):
        yield "pipeline_ex left the JSON of claude's messages around the reply; one in a ```yaml fence survives that"
    elif ESCAPED_LINES.search(text):
        yield "it has literal \\n instead of line breaks, as pipeline_ex leaves or makes them; use block texts (|)"
    if DOUBLED_QUOTES.search(text):
        yield 'it has doubled quotes: pipeline_ex takes the backslash from \\"; use block texts (|) or single quotes'
    if WRAPPED.match(text):
        yield "pipeline_ex found no pipeline in the reply and put a workflow around it"


def _look(events: Iterator[yaml.Event]) -> str | None:
    """Walk a document's events: its shape, its depth, its keys, its size when all aliases are written out."""
    documents = 0
    nodes = Nodes()
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                return f"the plan is more than one YAML document: the second begins in line {line_of(event)}"
        if isinstance(event, yaml.NodeEvent) and nodes.at_root and not isinstance(event, yaml.MappingStartEvent):
            return "the plan is no mapping of keys to values: is there prose around it?"
        if (wrong := nodes.take(event)) is not None:
            return wrong
    return None if documents else "the plan is empty"
