"""Retrieves the plan from the text that a pipeline wrote, or says why the text is no plan.

A model wrote the text, so it may be hostile. This module reads it as YAML events and never constructs a value from it.
`workbench.execution.structure` looks at the steps of a plan afterwards.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

import yaml

from workbench.execution.structure import defect
from workbench.execution.yaml_advice import advice
from workbench.nouns import Execution, Plan
from workbench.pipeline_file.nodes import Nodes, line_of
from workbench.pipeline_file.parsers import LIBYAML

#: The most bytes of a text that is read as a plan.
MAX_BYTES = 1_000_000

#: A markdown fence, indented or not, with its language and the rest of its line.
FENCE = re.compile(
    r"^(?P<indent>[ \t]*+)(?P<fence>`{3,}+|~{3,}+)[ \t]*+(?P<language>[a-zA-Z]*+)(?P<info>[^`\n]*+)$", re.MULTILINE
)

#: pipeline_ex cuts a reply of more than 100,000 characters, and puts this at its end.
TRIMMED = re.compile(r"\.\.\. \[TRIMMED: (\d+) bytes total\][ \t]*\r?$", re.MULTILINE)
#: Line breaks that are still escaped, with the next line of a YAML text after them.
ESCAPED_LINES = re.compile(r"\\n[ ]*(?:- |[\w\"'-]{1,80}:)")
#: A quoted text that goes on after its closing quote: pipeline_ex removes the backslash of `\"`.
DOUBLED_QUOTES = re.compile(r'[:,\[-][ \t]*"(?:"\w|[^"\n]{0,400}[ \t(]"\w[^"\n]{0,400}")')
#: A carriage return as JSON writes it: pipeline_ex leaves it at the end of a line.
LITERAL_RETURNS = re.compile(r"\\r[ \t]*$", re.MULTILINE)
#: A backslash before a line break or a tab: pipeline_ex turns the two characters `\n` within `\\n` into a line break.
REWRITTEN_ESCAPES = re.compile(r"\\[\n\t]")
#: The beginning of a message, or of a list of messages, that the claude program prints as JSON.
MESSAGES = re.compile(r'\A\s*\[?\{\s*"(?:type"\s*:\s*"(?:assistant|result|system|user|error)"|error"\s*:)')
NO_MAPPING = "the plan is no mapping of keys to values"
#: pipeline_ex puts this workflow around a reply in which it found no pipeline.
WRAPPED = re.compile(r"\Aworkflow:\n  name: generated_pipeline\n.{0,120}?\n  steps:\n(?P<reply>.*)\Z", re.DOTALL)
#: A wrapped reply that is still a pipeline, because it is a list of steps.
STEPS = re.compile(r"(?:\s*#[^\n]*\n)*\s*(?:-\s+|\[\s*\{\s*)[\"']?[a-z_][\w-]*[\"']?\s*:(?:\s|\Z)")


def retrieve(execution: Execution) -> Plan:
    """Return the plan of an execution. Never raise for a text of a model: the plan's `problem` says what is wrong.

    A plan that is certainly broken has a problem, too. A plan with a problem costs no verdict.
    """
    if execution.problem is not None:
        return Plan(execution.text, execution.problem)
    text = unfenced(execution.text)
    return Plan(text, problem(text) or defect(text))


def unfenced(text: str) -> str:
    """Return the text inside a markdown fence. Of several blocks, return the longest that is marked as YAML.

    pipeline_ex chooses in the same way. A text that is a plan without this keeps its fences: they are part of a value.
    """
    if len(text) > MAX_BYTES or not FENCE.search(text) or problem(text) is None:
        return text
    blocks = list(_blocks(text))
    marked = [inside for language, inside in blocks if language.lower() in ("yaml", "yml")]
    if not marked and len(blocks) != 1:
        return text
    return max(marked, key=len) if marked else blocks[0][1]


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield the language and the content of each block. The last block may be left open.

    A fence that is indented further than the block's first fence belongs to the block's content.
    """
    opening: re.Match[str] | None = None
    for fence in FENCE.finditer(text):
        if opening is None:
            opening = fence
        elif _closes(opening, fence):
            yield opening["language"], _inside(text, opening, fence.start())
            opening = None
    if opening is not None and opening["language"]:
        yield opening["language"], _inside(text, opening, len(text))


def has_open_fence(text: str) -> bool:
    """Return True if the last markdown block of a text is not closed.

    Return False for a plan: its fences are parts of its values.
    """
    opening: re.Match[str] | None = None
    for fence in FENCE.finditer(text):
        if opening is None:
            opening = fence
        elif _closes(opening, fence):
            opening = None
    return opening is not None and problem(text) is not None


def _closes(opening: re.Match[str], fence: re.Match[str]) -> bool:
    """Return True if `fence` closes the block that `opening` began."""
    bare = not fence["language"] and not fence["info"].strip()
    return bare and fence["fence"].startswith(opening["fence"]) and len(fence["indent"]) <= len(opening["indent"])


def _inside(text: str, opening: re.Match[str], end: int) -> str:
    return textwrap.dedent(text[opening.end() + 1 : end])


def problem(text: str) -> str | None:
    """Return None if the text is one YAML document with a mapping; else a sentence that an optimizer can learn from."""
    if not text.strip():
        return "the plan is empty"
    if (cut := TRIMMED.search(text)) is not None:
        return (
            f"pipeline_ex cut the reply off, which had {cut[1]} bytes: it keeps 100,000 characters; ask for less text"
        )
    if len(text.encode("utf-8", errors="replace")) > MAX_BYTES:
        return f"the plan is longer than {MAX_BYTES} bytes"
    fault = _syntax_fault(text) or _message_or_prose(text)
    if fault is None:
        return None
    hints = list(_hints(text))
    if fault == NO_MAPPING and not hints:
        is_list = text.lstrip().startswith(("- ", "["))
        hints = ["it is a list: begin with a key above the list" if is_list else "is there prose around it?"]
    return "; ".join([fault, *hints])


def _syntax_fault(text: str) -> str | None:
    """Return what is wrong with a text as YAML, with the line and with advice, or None.

    libyaml decides, as in our runtime, and it is ten times as fast. PyYAML's own parser has the better messages.
    """
    try:
        # In a stream of events, an alias is one event. Constructed values would repeat what the alias stands for.
        return _document_fault(yaml.parse(text, Loader=LIBYAML))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        fault = error
    try:
        for _ in yaml.parse(text, Loader=yaml.SafeLoader):
            pass
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        fault = error
    if isinstance(fault, yaml.reader.ReaderError):
        character = f"U+{fault.character:04X}" if isinstance(fault.character, int) else str(fault.character)
        return f"the plan is no YAML: it has the character {character}, which YAML refuses; leave it out"
    if not isinstance(fault, yaml.MarkedYAMLError):
        return f"the plan is no YAML: {str(fault).splitlines()[0]}"
    mark = fault.problem_mark
    place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    mend = advice(text, fault)
    return f"the plan is no YAML: {fault.problem}{place}{f'; {mend}' if mend else ''}"


def _message_or_prose(text: str) -> str | None:
    """Return why a YAML mapping is no plan: it is a JSON message of the claude program, or prose. Else return None."""
    if MESSAGES.match(text):
        return "the plan is a JSON message of the claude program, not the text in the message"
    wrapped = WRAPPED.match(text)
    return (
        "the plan's steps are no list of mappings: is the reply prose?"
        if wrapped and not STEPS.match(wrapped["reply"])
        else None
    )


def _hints(text: str) -> Iterator[str]:
    """Yield hints about a text that is no plan: what spoiled the text, and how the next text can be a plan."""
    if "```" in text:
        yield "there is a markdown fence in it"
    if MESSAGES.match(text):
        yield "pipeline_ex left the JSON of claude's messages around the reply; one in a ```yaml fence survives that"
    elif ESCAPED_LINES.search(text):
        yield "it has literal \\n instead of line breaks, as pipeline_ex leaves or makes them; use block texts (|)"
    if LITERAL_RETURNS.search(text):
        yield "it has literal \\r at the end of lines, as pipeline_ex leaves them; end lines with \\n alone"
    if REWRITTEN_ESCAPES.search(text):
        yield "pipeline_ex turned a \\n or \\t within a text into a line break or a tab; use no backslashes"
    if DOUBLED_QUOTES.search(text):
        yield 'it has doubled quotes: pipeline_ex takes the backslash from \\"; use block texts (|) or single quotes'
    if WRAPPED.match(text):
        yield "pipeline_ex found no pipeline in the reply and put a workflow around it"


def _document_fault(events: Iterator[yaml.Event]) -> str | None:
    """Return what is wrong with a document, or None.

    The events show the document's shape, depth and keys, and its size with all aliases written out.
    """
    documents = 0
    nodes = Nodes()
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        elif documents > 1 and isinstance(event, yaml.NodeEvent) and not _is_empty_end(event):
            return f"the plan is more than one YAML document: the second begins in line {line_of(event)}"
        if documents > 1:
            continue
        if isinstance(event, yaml.NodeEvent) and nodes.at_root and not isinstance(event, yaml.MappingStartEvent):
            return NO_MAPPING
        if (fault := nodes.take(event)) is not None:
            return fault
    return None if documents else "the plan is empty"


def _is_empty_end(event: yaml.NodeEvent) -> bool:
    """Return True for the empty node that stands after a closing `---`."""
    return isinstance(event, yaml.ScalarEvent) and not event.value and not event.style
