"""Whom a failure of the runtime is blamed on."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import ExecutionFailed, PipelineRejected
from workbench.execution.own.failure import blame


@pytest.mark.parametrize(
    "kind", ["truncated", "blocked", "turn limit", "invalid answer", "context window", "output limit"]
)
def test_what_a_model_made_of_the_prompt_is_the_prompts_fault(kind: str, tmp_path: Path) -> None:
    """The optimizer reads the sentence; nothing is raised."""
    assert blame(kind, "why it is no plan", tmp_path) == "why it is no plan"


def test_what_the_user_can_mend_is_told_to_the_user(tmp_path: Path) -> None:
    """A program that is not installed, or a pipeline that is none."""
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
def test_what_the_outside_world_did_is_no_score(kind: str, lasting: bool, tmp_path: Path) -> None:
    """It is raised, and says whether another try may help."""
    with pytest.raises(ExecutionFailed) as caught:
        blame(kind, "why", tmp_path)
    assert caught.value.lasting is lasting
