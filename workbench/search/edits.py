"""Reads the edits of a prompt's pieces that the proposer writes as JSON, and applies them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

_FENCED = re.compile(r"```[^\n]*\n(.*?)\n?```", re.DOTALL)


def _listed(value: Any) -> Any:
    """Return a value as a list: models write one number without brackets, and null for none."""
    return [] if value is None else value if isinstance(value, list) else [value]


Numbers = Annotated[list[int], BeforeValidator(_listed)]


class _Edit(BaseModel):
    """One edit. The reason makes the model think and helps people. Nothing depends on it, so it may be missing."""

    model_config = ConfigDict(extra="ignore")

    reason: str = ""


class Add(_Edit):
    """Put a new piece behind the piece with the number `after`. Without such a piece, put it at the end.

    `needs` has the numbers of the pieces without which the new one makes no sense.
    """

    action: Literal["add"]
    text: str = Field(min_length=1)
    after: int | None = None
    needs: Numbers = []


class Replace(_Edit):
    """Put a new text in place of the piece with this number. `needs` is as for `Add`."""

    action: Literal["replace"]
    piece: int
    text: str = Field(min_length=1)
    needs: Numbers = []


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
    text = unfenced(reply)
    try:
        value: Any = json.loads(text)
    except ValueError:
        return text if text.strip() and text != reply.strip() else None
    if isinstance(value, dict):
        prompt = value.get("prompt")
        if isinstance(prompt, str) and prompt.strip():
            return prompt
        value = value.get("edits", [value])
    try:
        return _edits.validate_python(value)
    except ValidationError:
        return None


def unfenced(reply: str) -> str:
    """Return the content of a reply's first code fence, or the reply itself."""
    fenced = _FENCED.search(reply)
    return fenced[1] if fenced else reply.strip()


def apply(edits: Sequence[Add | Replace | Remove], pieces: Sequence[str]) -> list[str]:
    """Return the pieces after the edits. Pieces are numbered from 1.

    An edit of an unknown piece is left out, and so is the addition of a piece that is there already.
    """
    # `texts[n]` is the text in place of piece n, and `behind[n]` has the texts behind it. Place 0 is before piece 1.
    texts: list[str | None] = [None, *pieces]
    behind: list[list[str]] = [[] for _ in texts]
    known_texts = {piece.strip() for piece in pieces}
    for edit in edits:
        match edit:
            case Add(text=text) if text.strip() in known_texts:
                pass
            case Add(text=text, after=after):
                known = after is not None and 0 <= after < len(texts)
                behind[after if after is not None and known else -1].append(text)
            case Replace(piece=piece, text=text) if 1 <= piece < len(texts):
                texts[piece] = text
            case Remove(piece=piece) if 1 <= piece < len(texts):
                texts[piece] = None
    return [text for own, added in zip(texts, behind, strict=True) for text in ([] if own is None else [own]) + added]


def needed(edits: Sequence[Add | Replace | Remove], pieces: Sequence[str]) -> dict[str, list[str]]:
    """Return the pieces that each new text needs, by the new text. Numbers of unknown pieces are left out."""
    return {
        edit.text: [pieces[number - 1] for number in edit.needs if 1 <= number <= len(pieces)]
        for edit in edits
        if not isinstance(edit, Remove) and edit.needs
    }
