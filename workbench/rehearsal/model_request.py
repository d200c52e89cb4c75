"""A request to a model in a form that all protocols share, and the random numbers that its answer depends on."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.providers import digest


@dataclass(frozen=True)
class Message:
    """One message. `role` is "user" or "assistant", and `texts` has the texts of its parts."""

    role: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class ModelRequest:
    """A request to a model.

    Attributes:
        model: the model's name.
        system: the system prompt, or an empty text.
        messages: the messages, oldest first.
        schema: the JSON schema of the answer, or None for a plain text.
        seed: the sampling seed of the request, or None if the request has no seed.
        tool: the name of the tool that takes the answer, or None. Anthropic's clients ask for JSON by forcing a tool.
    """

    model: str
    system: str
    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None
    seed: int | None
    tool: str | None = None

    @property
    def last_texts(self) -> tuple[str, ...]:
        """Return the texts of the last user message."""
        return next((m.texts for m in reversed(self.messages) if m.role == "user"), ())

    @property
    def identity(self) -> str:
        """Return a hash of the request without its seed."""
        message_parts = (part for message in self.messages for part in (message.role, *message.texts))
        return digest(self.model, self.system, str(self.schema), *message_parts)


def seeded_random(*parts: str) -> random.Random:
    """Return a random number generator whose seed is a hash of the parts."""
    return random.Random(int(digest(*parts)[:16], 16))
