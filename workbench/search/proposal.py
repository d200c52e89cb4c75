"""Proposals: what DSPy's optimizers, and the `writer` program, ask of a model."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from workbench.providers import Provider, digest


@dataclass(frozen=True)
class ProposalRequest:
    """A whole request to a model: `model` as PROVIDER/NAME, messages as (role, text), the rest as the optimizer set it.

    `response_format` is JSON text, or None. `rollout` is DSPy's rollout_id, and `draw` numbers identical requests
    within one call of an optimizer: together they say which sample is meant, so that a retry or a replay gets the same.
    """

    model: str
    system: str | None
    messages: tuple[tuple[str, str], ...]
    temperature: float | None
    max_tokens: int | None
    response_format: str | None
    provider: Provider
    rollout: int
    draw: int
    run: Path | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """Everything that the answer depends on, and nothing else."""
        sampling = json.dumps([self.temperature, self.max_tokens, self.response_format, self.rollout, self.draw])
        said = (part for message in self.messages for part in message)
        return digest("proposal/1", self.provider.label, self.model, sampling, json.dumps(self.system), *said)

    @property
    def title(self) -> str:
        return f"{self.model.partition('/')[2]} · rollout {self.rollout} · draw {self.draw}"

    @property
    def seed(self) -> int:
        """A sampling seed of its own for every draw, for the providers that take one (31 bits)."""
        return int(digest("seed", str(self.rollout), str(self.draw))[:8], 16) & 0x7FFFFFFF


@dataclass(frozen=True)
class Proposal:
    """What the model answered: never blank."""

    text: str
