"""Defines a call of a model, and the reply to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from workbench.money.price import Tokens
from workbench.providers import Provider


class Ending(Enum):
    """Why a reply ended. These reasons are the same for all providers."""

    COMPLETE = "complete"
    #: The reply reached a limit of its length.
    CUT_OFF = "cut off"
    #: The model or a filter of the provider refused to answer.
    REFUSED = "refused"
    #: The provider failed. Another call may succeed.
    PASSING = "provider unavailable"
    #: The provider refuses this account.
    LASTING = "account disabled"


@dataclass(frozen=True)
class ModelCall:
    """A call of a model.

    Attributes:
        provider: the service that has the model.
        model: the model's name, without the provider's.
        messages: pairs of role ("user" or "assistant") and text.
        system: the system prompt, or None.
        temperature, max_tokens: None is not sent, so the provider's default applies.
        schema: the JSON schema of the answer. {} stands for any JSON, and None for plain text.
        seed: the sampling seed. It is sent to providers that take one.
        seconds: the time limit of the whole call.
    """

    provider: Provider
    model: str
    messages: tuple[tuple[str, str], ...]
    system: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    schema: Mapping[str, Any] | None = None
    seed: int | None = None
    seconds: float = 300.0


@dataclass(frozen=True)
class Reply:
    """A model's reply.

    Attributes:
        text: all text that is no thought, as the provider sent it. It has not passed `take_in` yet.
        ending: why the reply ended.
        reason: the provider's own word for the ending, and its explanation if it gave one.
        model: the model that answered, as the provider names it. Empty if the provider does not say.
        final: True if the same request cannot get another answer, because the provider refused the prompt itself.
        tokens: the tokens that the provider counted, or None if it reported none.
        dollars: the amount that a provider or a program reported for the call, or None if it reported none.
        error_status: the HTTP status in the error with which the provider ended the reply, or None.
    """

    text: str
    ending: Ending
    reason: str
    model: str = ""
    final: bool = False
    tokens: Tokens | None = None
    dollars: float | None = None
    error_status: int | None = None
