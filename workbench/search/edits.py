"""Edits of a prompt's pieces, as the proposer writes them in JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

_FENCED = re.compile(r"```[^\n]*\n(.*?)\n?```", re.DOTALL)


class _Edit(BaseModel):
    """One edit. Its reason is for people and for the model's own care, so that a missing reason is no problem."""

    model_config = ConfigDict(extra="ignore")

    reason: str = ""


class Add(_Edit):
    """Put a new piece behind the piece with the number `after`, or at the end of the prompt."""

    action: Literal["add"]
    text: str = Field(min_length=1)
    after: int | None = None


class Replace(_Edit):
    """Put a new text in place of the piece with this number."""

    action: Literal["replace"]
    piece: int
    text: str = Field(min_length=1)


class Remove(_Edit):
    """Take out the piece with this number."""

    action: Literal["remove"]
    piece: int


Edit = Annotated[Add | Replace | Remove, Field(discriminator="action")]
_edits: TypeAdapter[list[Add | Replace | Remove]] = TypeAdapter(list[Edit])


def read(reply: str) -> list[Add | Replace | Remove] | str | None:
    """Return the edits of a reply, or the whole prompt if the proposer has rewritten it, or None for anything else.

    The reply may be a list of edits, or an object with the list as `edits` or a whole prompt as `prompt`. It may stand
    in a code fence. Fenced text that is no JSON is a whole prompt.
    """
    fenced = _FENCED.search(reply)
    text = fenced[1] if fenced else reply.strip()
    try:
        value: Any = json.loads(text)
    except ValueError:
        return text if fenced and text.strip() else None
    if isinstance(value, dict):
        prompt = value.get("prompt")
        if isinstance(prompt, str) and prompt.strip():
            return prompt
        value = value.get("edits", [value])
    try:
        return _edits.validate_python(value)
    except ValidationError:
        return None


def apply(edits: Sequence[Add | Replace | Remove], pieces: Sequence[str]) -> list[str]:
    """Return the pieces after the edits. Pieces are numbered from 1, and an edit of an unknown piece is left out."""
    #: The text in place of each piece, and the texts behind it. Number 0 stands in front of the first piece.
    texts: list[str | None] = [None, *pieces]
    behind: list[list[str]] = [[] for _ in texts]
    for edit in edits:
        match edit:
            case Add(text=text, after=after):
                known = after is not None and 0 <= after < len(texts)
                behind[after if after is not None and known else -1].append(text)
            case Replace(piece=piece, text=text) if 1 <= piece < len(texts):
                texts[piece] = text
            case Remove(piece=piece) if 1 <= piece < len(texts):
                texts[piece] = None
    return [text for own, added in zip(texts, behind, strict=True) for text in ([] if own is None else [own]) + added]
