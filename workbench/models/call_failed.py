"""Defines the error that the clients of the providers raise."""

from __future__ import annotations

from workbench.models.failure import Failure
from workbench.money.price import Tokens


class CallFailed(Exception):
    """One call of a model failed.

    Attributes:
        failure: the meaning of the error.
        message: the provider's sentence, or ours. It may hold the provider's key.
        charged: True if the provider may have charged for the call: it took the request, and its answer did not arrive.
        dollars: the amount that a provider or a program reported for its failed call, or None if it reported none.
        tokens: the tokens that the provider counted for its failed call, or None if it reported none.
        model: the model that the provider names in its failed reply, or an empty text.
    """

    def __init__(
        self,
        failure: Failure,
        message: str,
        *,
        charged: bool = False,
        dollars: float | None = None,
        tokens: Tokens | None = None,
        model: str = "",
    ) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message
        self.charged = charged
        self.dollars = dollars
        self.tokens = tokens
        self.model = model
