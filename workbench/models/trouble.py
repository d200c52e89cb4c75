"""Defines the error that the clients of the providers raise."""

from __future__ import annotations

from workbench.models.failure import Failure


class Trouble(Exception):
    """A call failed. `message` is the provider's sentence, or ours. It may hold the provider's key."""

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message
