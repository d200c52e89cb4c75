"""Retrieval: is what the pipeline wrote a plan? Model-written text is hostile: nothing of it is ever constructed."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator

import yaml

from workbench.trial import Execution, Plan

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_NODES = 100_000

FENCED = re.compile(r"\A\s*```[a-zA-Z]*[ \t]*\r?\n(?P<inside>.*?)\r?\n```\s*\Z", re.DOTALL)


def retrieve(execution: Execution) -> Plan:
    """The plan of an execution. Never raises for what a model wrote: the plan's `problem` says what is wrong."""
    if execution.problem is not None:
        return Plan(execution.text, execution.problem)
    text = unfenced(execution.text)
    return Plan(text, problem(text))


def unfenced(text: str) -> str:
    """Without one markdown fence around all of it."""
    found = FENCED.match(text)
    if found is None or re.search(r"^```", found["inside"], re.MULTILINE):
        return text
    return found["inside"] + "\n"


def problem(text: str) -> str | None:
    """None for one YAML document with a mapping in it, else a sentence that an optimizer can learn from."""
    if not text.strip():
        return "the plan is empty"
    if len(text.encode("utf-8", errors="replace")) > MAX_BYTES:
        return f"the plan is longer than {MAX_BYTES} bytes"
    try:
        # Events, not objects: an alias is seen here once, however often it would be expanded.
        return _look(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        fence = "; there is a markdown fence in it" if "```" in text else ""
        return f"the plan is no YAML: {error.problem}{where}{fence}"
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return f"the plan is no YAML: {str(error).splitlines()[0]}"


def _look(events: Iterator[yaml.Event]) -> str | None:
    """Walk a document's events: its shape, its depth, its keys."""
    documents, nodes = 0, 0
    open_: list[_Open] = []
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                return f"the plan is more than one YAML document: the second begins in line {_line(event)}"
        if isinstance(event, yaml.AliasEvent):
            return f"the plan uses a YAML alias in line {_line(event)}: write it out"
        if isinstance(event, yaml.NodeEvent):
            nodes += 1
            if not open_ and not isinstance(event, yaml.MappingStartEvent):
                return "the plan is no mapping of keys to values: is there prose around it?"
            if nodes > MAX_NODES:
                return f"the plan has more than {MAX_NODES} values"
            if open_ and (twice := open_[-1].take(event)):
                return twice
        if isinstance(event, yaml.CollectionStartEvent):
            open_.append(_Open(isinstance(event, yaml.MappingStartEvent)))
            if len(open_) > MAX_DEPTH:
                return f"the plan is nested more than {MAX_DEPTH} levels deep"
        elif isinstance(event, yaml.CollectionEndEvent):
            closed = open_.pop()
            if not open_ and not closed.seen:
                return "the plan is an empty mapping"
    return None if documents else "the plan is empty"


def _line(event: yaml.Event) -> int:
    """Counted from 1; PyYAML's types allow events without a place, its parser makes none."""
    return event.start_mark.line + 1 if event.start_mark else 0


class _Open:
    """A collection that is being read: in a mapping, every other node is a key."""

    def __init__(self, mapping: bool) -> None:
        self.mapping = mapping
        self.key_next = True
        self.seen: dict[Hashable, int] = {}

    def take(self, event: yaml.NodeEvent) -> str | None:
        if not self.mapping:
            return None
        is_key, self.key_next = self.key_next, not self.key_next
        if is_key and isinstance(event, yaml.ScalarEvent):
            line = _line(event)
            if event.value in self.seen:
                return f'the plan has the key "{event.value[:80]}" twice, in lines {self.seen[event.value]} and {line}'
            self.seen[event.value] = line
        elif is_key:
            self.seen[len(self.seen)] = _line(event)
        return None
