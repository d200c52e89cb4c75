"""Finds the place of a scalar in a pipeline file, so that only this place is rewritten."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from workbench.errors import NotApplied
from workbench.pipeline_file.document import BREAK

#: The header of a block scalar.
HEADER = re.compile(r"[|>][-+0-9]*")


@dataclass(frozen=True)
class ScalarPlace:
    """The place of a scalar in its text, as offsets.

    Attributes:
        start, head_end: the place of the scalar itself, or of the header of a block scalar.
        body_start, body_end: the place of a block scalar's content, with the break of its last line. For any other
            scalar, this place is empty: such content would go there.
        column: the column of the scalar's key; None if no block scalar can stand here.
        indent: the indentation of a block scalar's content.
    """

    text: str
    style: str | None
    start: int
    head_end: int
    body_start: int
    body_end: int
    column: int | None
    indent: int

    @classmethod
    def of(cls, text: str, node: yaml.ScalarNode, ancestors: list[tuple[yaml.Node, yaml.Node | None]]) -> ScalarPlace:
        """Return the place of a node. The nearest of its ancestors comes first."""
        stop = node.end_mark.index
        # An anchor or a tag before the scalar belongs to the node, but not to the token.
        tokens = (token for token in yaml.scan(text, Loader=yaml.SafeLoader) if isinstance(token, yaml.ScalarToken))
        start = next((token.start_mark.index for token in tokens if token.end_mark.index == stop), None)
        if start is None:
            line = node.start_mark.line + 1
            raise NotApplied(f'line {line} has no value that the prompt could replace: write "" there first')
        column = _column(ancestors)
        if node.style in ("|", ">"):
            header = HEADER.match(text, start)
            head_end = header.end() if header else start
            body_start = _line_end(text, head_end)
            indent, length = _block_size(text[body_start:stop], text[start:head_end], column or 0)
            return cls(text, node.style, start, head_end, body_start, body_start + length, column, indent)
        body_start = _line_end(text, stop)
        if not re.fullmatch(r"[ \t]*(#.*)?", BREAK.sub("", text[stop:body_start])):
            column = None
        return cls(text, node.style, start, stop, body_start, body_start, column, 0)

    @property
    def ending(self) -> str:
        """Return the file's own line break."""
        match = BREAK.search(self.text, self.head_end) or BREAK.search(self.text)
        return match[0] if match and match[0] in ("\n", "\r\n") else "\n"

    @property
    def ends_file(self) -> bool:
        """Return True if the scalar ends a file whose last line has no break."""
        return self.body_end == len(self.text) and not BREAK.search(self.text[-1:])

    def put(self, head: str, body: str) -> str:
        """Return the text with this head and body in the scalar's place."""
        text = self.text
        between = text[self.head_end : self.body_start]
        if body and not BREAK.search(between):
            between += self.ending
        return text[: self.start] + head + between + body + text[self.body_end :]


def _column(ancestors: list[tuple[yaml.Node, yaml.Node | None]]) -> int | None:
    """Return the column of a scalar's key, or None if no block scalar can stand here."""
    key = ancestors[0][1] if ancestors else None
    if key is None or any(getattr(parent, "flow_style", True) for parent, _ in ancestors):
        return None
    return int(key.start_mark.column)


def _line_end(text: str, start: int) -> int:
    """Return the offset after the break that ends the line."""
    match = BREAK.search(text, start)
    return match.end() if match else len(text)


def _block_size(raw: str, header: str, column: int) -> tuple[int, int]:
    """Return the indentation of a block scalar, and the length of its content.

    Blank lines after the content do not belong to it, unless the header has a `+`.
    """
    lines, start = [], 0
    for match in BREAK.finditer(raw):
        lines.append((raw[start : match.start()], match.end()))
        start = match.end()
    if raw[start:].strip(" "):
        lines.append((raw[start:], len(raw)))
    stated = re.search(r"[0-9]", header)
    spaces = [len(line) - len(line.lstrip(" ")) for line, _ in lines if line.strip(" ")]
    indent = column + int(stated[0]) if stated else spaces[0] if spaces else 0
    ends = [end for line, end in lines if len(line) > indent or "+" in header]
    return indent, ends[-1] if ends else 0
