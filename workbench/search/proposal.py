"""Defines proposals: requests of DSPy's optimizers and of the `writer` program to a model, and the answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from workbench.money.price import Cost
from workbench.providers import Provider, digest


@dataclass(frozen=True)
class ProposalRequest:
    """A whole request to the proposer's model.

    Attributes:
        model: PROVIDER/NAME.
        messages: pairs of role and text.
        system: the system prompt, or None.
        temperature, max_tokens: the optimizer's settings. None is not sent.
        response_format: JSON text, or None.
        provider: the service that has the model.
        rollout: DSPy's rollout_id.
        draw: the number of this request among equal requests of one search. Rollout and draw together name a sample, so
            that a retry or a replay gets the same sample.
        run: the run's folder, for the journal. It is no part of the key.
        timeout_seconds: the time limit of the answer. It is no part of the key.
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
    timeout_seconds: float = field(default=300.0, compare=False)

    @property
    def key(self) -> str:
        """Return a hash of everything that the answer depends on, and of nothing else."""
        sampling = json.dumps([self.temperature, self.max_tokens, self.response_format, self.rollout, self.draw])
        message_parts = (part for message in self.messages for part in message)
        return digest("proposal/1", self.provider.label, self.model, sampling, json.dumps(self.system), *message_parts)

    @property
    def title(self) -> str:
        """Return the text that names the request for people."""
        return f"{self.model.partition('/')[2]} · rollout {self.rollout} · draw {self.draw}"

    @property
    def seed(self) -> int:
        """Return a sampling seed of 31 bits, which differs for each rollout and draw. Some providers accept no seed."""
        return int(digest("seed", str(self.rollout), str(self.draw))[:8], 16) & 0x7FFFFFFF


@dataclass(frozen=True)
class Proposal:
    """The model's answer. It is complete and never blank.

    `other_model` is the model that answered if it is not the model that was asked, else None. `cost` is None in an
    answer of an older version.
    """

    text: str
    other_model: str | None = field(default=None, compare=False)
    cost: Cost | None = field(default=None, compare=False)
