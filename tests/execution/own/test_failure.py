"""The blame for a failure of the runtime: the prompt, the user or the outside world."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import ExecutionFailed, PipelineRejected
from workbench.execution.own.failure import blame
from workbench.execution.own.mix import _problem
from workbench.execution.program import Ended


@pytest.mark.parametrize(
    "kind", ["truncated", "blocked", "turn limit", "invalid answer", "context window", "output limit"]
)
def test_a_bad_reply_is_blamed_on_the_prompt(kind: str, tmp_path: Path) -> None:
    """The optimizer reads the message, and nothing is raised."""
    assert blame(kind, "why it is no plan", tmp_path) == "why it is no plan"


def test_the_words_of_a_model_end_no_line(tmp_path: Path) -> None:
    """A refusal stays one refusal if its explanation contains any line break that a model can write."""
    breaks = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\rh"
    execution = Ended(1, "", "", "", f"warning: x\n❌ blocked: Claude refused: {breaks} | i\n", 1.0)
    assert _problem(execution, [], tmp_path) == "Claude refused: a\nb\nc\nd\ne\nf\ufffdg\nh\ni"


def test_a_mistake_of_the_user_is_blamed_on_the_user(tmp_path: Path) -> None:
    """Examples are a missing program and an invalid pipeline."""
    for kind in ("usage", "pipeline", "unknown model"):
        with pytest.raises(PipelineRejected, match="why"):
            blame(kind, "why", tmp_path)


@pytest.mark.parametrize(
    ("kind", "lasting"),
    [
        ("rate limit", False),
        ("timeout", False),
        ("bad request", True),
        ("no credit", True),
        ("quota exhausted", True),
        ("account disabled", True),
    ],
)
def test_a_failure_of_the_outside_world_is_raised(kind: str, lasting: bool, tmp_path: Path) -> None:
    """The error says whether another try may help."""
    with pytest.raises(ExecutionFailed) as caught:
        blame(kind, "why", tmp_path)
    assert caught.value.lasting is lasting


def test_a_rejected_key_is_named_with_what_to_do(tmp_path: Path) -> None:
    """The judge and the proposer give the same advice."""
    with pytest.raises(ExecutionFailed, match="the key; set a valid one; its output is in"):
        blame("authentication", "answered 400: API key not valid", tmp_path)


def test_a_limit_of_a_subscription_is_a_rate_limit_that_lasts(tmp_path: Path) -> None:
    """A step that asks the claude program meets it. The claude program's words reach the message."""
    with pytest.raises(ExecutionFailed) as caught:
        blame("rate limit", "step write: claude failed: You've hit your weekly limit · resets Monday", tmp_path)
    assert (caught.value.kind, caught.value.lasting) == ("rate limit", True)
