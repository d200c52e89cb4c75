"""A request to a model, as every protocol says it, and the chance that its answer depends on."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from workbench.providers import digest


@dataclass(frozen=True)
class Message:
    """`role` is user or assistant; `texts` are its parts."""

    role: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class ModelRequest:
    """`schema` is the JSON schema that the answer must follow, if there is one; `seed` the sample that is wanted.

    `tool` is what the answer is handed to where a provider's protocol asks for JSON by way of a tool.
    """

    model: str
    system: str
    messages: tuple[Message, ...]
    schema: dict[str, Any] | None
    seed: int | None
    tool: str | None = None

    @property
    def last(self) -> tuple[str, ...]:
        """The texts of the last user message."""
        return next((m.texts for m in reversed(self.messages) if m.role == "user"), ())

    @property
    def identity(self) -> str:
        """The same for equal requests, whichever sample they ask for."""
        said = (part for m in self.messages for part in (m.role, *m.texts))
        return digest(self.model, self.system, str(self.schema), *said)


def chance(*parts: str) -> random.Random:
    """Random numbers that follow from the parts alone."""
    return random.Random(int(digest(*parts)[:16], 16))
