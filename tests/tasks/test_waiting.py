"""A paid task that tries again waits as long as the provider asks for."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from prefect.states import Failed

from workbench.errors import ModelNotFound, ProposalFailed
from workbench.system import process
from workbench.system.process import ended_on_interrupt
from workbench.tasks import paid


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the list of waits, which take no time."""
    seconds: list[float] = []

    def interrupted_within(wait: float) -> bool:
        seconds.append(wait)
        return False

    monkeypatch.setattr(process, "interrupted_within", interrupted_within)
    return seconds


def retried(error: Exception) -> bool:
    """Return True if a task that failed with this error is tried again."""
    unused: Any = None
    return paid._worth_retrying(unused, unused, Failed(data=error))


def test_a_retry_waits_as_long_as_the_error_says(waits: list[float]) -> None:
    """An error that was pickled for another process still has its wait."""
    error = ProposalFailed("slow down", kind="rate limit", wait_seconds=45.8)
    assert retried(pickle.loads(pickle.dumps(error)))  # noqa: S301  # we made the pickle
    assert waits == [45.8]


@pytest.mark.parametrize(
    "error", [ProposalFailed("no", kind="authentication", lasting=True, wait_seconds=45.8), ModelNotFound("no")]
)
def test_a_lasting_failure_is_not_retried(waits: list[float], error: Exception) -> None:
    """The task fails at once."""
    assert not retried(error)
    assert waits == []


def test_an_interrupt_ends_the_wait() -> None:
    """A person who interrupts a run does not wait until a provider's limit is over."""
    with pytest.raises(KeyboardInterrupt), ended_on_interrupt():
        raise KeyboardInterrupt
    assert not retried(ProposalFailed("slow down", kind="rate limit", wait_seconds=3600.0))
    with ended_on_interrupt():
        assert retried(ProposalFailed("slow down", kind="rate limit"))
