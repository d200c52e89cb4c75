"""What runs of pipeline_ex cost, as recorded from the real one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.execution.pipeline_ex.cost import meter_run, tells_cost
from workbench.money.meter import Meter
from workbench.pipeline_file.document import read
from workbench.pipeline_file.parsers import YAMERL

RUNS = Path(__file__).parents[2] / "data" / "pipeline_ex_runs"


def metered(name: str) -> Meter:
    recorded = json.loads((RUNS / f"{name}.json").read_text(encoding="utf-8"))
    meter = Meter()
    meter_run(recorded["stdout"], recorded["files"], meter)
    return meter


@pytest.mark.parametrize(
    ("name", "dollars"),
    [
        ("live_ok", 0.001),
        ("live_max_turns", 0.001),
        ("live_thinking", 0.0123),
        ("generate_crlf", 0.0123),
        ("run_tool_use", 0.0246),
        ("gemini_max_tokens", 2.46e-05),
    ],
)
def test_what_the_claude_program_told_is_the_cost(name: str, dollars: float) -> None:
    """Of failed runs too, and of every question. A gemini step tells its tokens."""
    cost = metered(name).cost
    assert cost is not None
    assert cost.dollars == pytest.approx(dollars)


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("extract_ok", "pipeline_ex: claude steps that log no messages"),
        ("batch_without_tasks_ok", "pipeline_ex: claude steps that log no messages"),
        ("live_empty", "pipeline_ex: claude"),
    ],
)
def test_a_step_that_tells_no_cost_is_named(name: str, who: str) -> None:
    cost = metered(name).cost
    assert cost is not None
    assert (cost.dollars, cost.untold) == (None, (who,))


def test_a_run_that_asked_no_model_costs_nothing() -> None:
    assert metered("mock_ok").cost is None


@pytest.mark.parametrize(
    ("kind", "telling"), [("claude", "afterwards"), ("claude_extract", "never"), ("gemini", "never")]
)
def test_a_pipeline_tells_its_cost_if_every_step_logs_it(kind: str, telling: str) -> None:
    """pipeline_ex's own pipeline asks the claude program, and logs it."""
    text = f"workflow:\n  steps:\n    - {{name: a, type: claude}}\n    - {{name: b, type: {kind}}}\n"
    assert tells_cost(read(text, YAMERL)) == telling
    assert tells_cost(None) == "afterwards"
