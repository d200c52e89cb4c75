"""Checks the events of a parsed pipeline file, before nodes are made of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml

from workbench.errors import PipelineUnreadable
from workbench.pipeline_file.parsers import YAMERL, Parser

#: The runtime's limit. A deep file would also exceed Python's own limit on recursion.
MAX_DEPTH = 64


@dataclass
class Events:
    """Refuses properties that nodes do not show: several documents, too much depth, and anchors and tags.

    Attributes:
        open_collections: the anchor of each collection that is being read, and True if it stands in brackets.
        bracketed: True if a node stands in brackets, by the anchor of the node.
    """

    parser: Parser
    documents: int = 0
    open_collections: list[tuple[str | None, bool]] = field(default_factory=list)
    bracketed: dict[str | None, bool] = field(default_factory=dict)

    def take(self, event: yaml.Event) -> None:
        """Check the next event.

        Raises:
            PipelineUnreadable: the event has a property that is refused.
        """
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise _refused(event, "a second YAML document begins here; expected one document: remove the others")
        elif isinstance(event, yaml.NodeEvent):
            self._node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, flow = self.open_collections.pop()
            self.bracketed[anchor] = flow

    def _node(self, event: yaml.NodeEvent) -> None:
        if len(self.open_collections) > MAX_DEPTH:
            raise _refused(event, f"nested more than {MAX_DEPTH} levels deep")
        name = str(event.anchor)[:80]
        if isinstance(event, yaml.AliasEvent):
            self._alias(event, name)
            return
        if event.anchor is not None:
            if not self.parser.references:
                raise _refused(event, f"the anchor &{name} is not supported: write out what it stands for")
            if event.anchor in self.bracketed:
                raise _refused(event, f"the anchor &{name} stands in the file twice: give the second another name")
        tag = event.tag if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) else None
        if tag is not None and self.parser.tags is not None and tag not in self.parser.tags:
            name = tag.replace("tag:yaml.org,2002:", "!!")[:80]
            raise _refused(event, f"the tag {name} is not supported: leave it out")
        if isinstance(event, yaml.CollectionStartEvent):
            self.open_collections.append((event.anchor, bool(event.flow_style)))
        else:
            self.bracketed[event.anchor] = False

    def _alias(self, event: yaml.AliasEvent, name: str) -> None:
        if not self.parser.references:
            raise _refused(event, f"the alias *{name} is not supported: write out what it stands for")
        if event.anchor not in self.bracketed:
            raise _refused(event, f"the alias *{name} names no value that ends before it: write out what it means")
        if self.bracketed[event.anchor] and self.parser is YAMERL:
            # yamerl 0.10 replaces the alias by the first word between the brackets.
            raise _refused(
                event, f"pipeline_ex misreads the alias *{name} of a value in brackets: write out what the alias means"
            )


def _refused(event: yaml.Event, message: str) -> PipelineUnreadable:
    return PipelineUnreadable(message, event.start_mark.line + 1 if event.start_mark else None)
