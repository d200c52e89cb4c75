"""Reads the edits of a prompt's pieces that the proposer writes as JSON, and applies them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from workbench.models.text import UnusableText
from workbench.search.reply_json import entries, json_in, unfenced

#: The keys of a JSON reply with edits or with a prompt.
_LOOKS_LIKE_EDITS = re.compile(r'"(action|edits|prompt)"\s*:')


def _listed(value: Any) -> Any:
    """Return a value as a list. Models write one number without brackets, and null for an empty list."""
    return [] if value is None else value if isinstance(value, list) else [value]


Numbers = Annotated[list[int], BeforeValidator(_listed)]


class _Edit(BaseModel):
    """One edit. Asking for a reason makes the model think. Nobody reads the reason, so it may be missing or no text."""

    model_config = ConfigDict(extra="ignore")

    reason: Any = ""


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


Edit = Add | Replace | Remove
_edit: TypeAdapter[Edit] = TypeAdapter(Annotated[Edit, Field(discriminator="action")])


def read(reply: str) -> list[Edit] | str | None:
    """Return the edits of a reply, or the whole prompt if the proposer has rewritten it, or None for anything else.

    The reply may be a list of edits, or an object with the list as `edits` or a whole prompt as `prompt`. It may stand
    in a code fence, or between sentences. Edits of another form are left out. A text in a code fence is a whole prompt,
    unless it has the keys of an edit. Then it is JSON, which may be broken.
    """
    fenced = unfenced(reply)
    if fenced != reply.strip() and fenced.strip() and not _LOOKS_LIKE_EDITS.search(fenced):
        return fenced
    try:
        value: Any = json_in(reply)
    except UnusableText:
        return None
    if isinstance(value, dict):
        prompt = value.get("prompt")
        if isinstance(prompt, str) and prompt.strip():
            return prompt
        value = value.get("edits", [value])
    return entries(value, _edit) or ([] if value == [] else None)


def apply(edits: Sequence[Edit], pieces: Sequence[str]) -> list[str]:
    """Return the pieces after the edits. Pieces are numbered from 1.

    An edit of an unknown piece is left out, and so is the addition of a piece that the prompt already has.
    """
    # `texts[n]` is the text in the place of piece n, and `behind[n]` has the new texts behind it. Place 0 is before
    # piece 1.
    texts: list[str | None] = [None, *pieces]
    behind: list[list[str]] = [[] for _ in texts]
    known_texts = {piece.strip() for piece in pieces}
    for edit in edits:
        match edit:
            case Add(text=text) if text.strip() in known_texts:
                pass
            case Add(text=text, after=after):
                place = after if after is not None and 0 <= after < len(texts) else -1
                behind[place].append(text)
            case Replace(piece=piece, text=text) if 1 <= piece < len(texts):
                texts[piece] = text
            case Remove(piece=piece) if 1 <= piece < len(texts):
                texts[piece] = None
    places = zip(texts, behind, strict=True)
    return [text for piece_text, added in places for text in ([] if piece_text is None else [piece_text]) + added]


def needed(edits: Sequence[Edit], pieces: Sequence[str]) -> dict[str, list[str]]:
    """Return the pieces that each new text needs, by the new text. Pieces with unknown numbers are left out."""
    return {
        edit.text: [pieces[number - 1] for number in edit.needs if 1 <= number <= len(pieces)]
        for edit in edits
        if not isinstance(edit, Remove) and edit.needs
    }
