"""Which studies can keep a budget in dollars, and what a run's purse begins with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import study as write_study
from tests.support.run_folder import begin
from workbench.errors import StudyError
from workbench.money.price import Cost, ModelCost, Tokens, context_tokens, dollars
from workbench.nouns import Study
from workbench.run.journal import CallRecord
from workbench.study.money import purse_of
from workbench.study.opening import RunOptions, load

FLASH = "gemini/gemini-3.8-flash"


def loaded(folder: Path, dollars: float | None = None, **changes: object) -> Study:
    return load(RunOptions(write_study(folder, **changes), dollars=dollars))


def problem(folder: Path, dollars: float | None = None, **changes: object) -> str:
    with pytest.raises(StudyError) as caught:
        loaded(folder, dollars, **changes)
    return str(caught.value)


@pytest.mark.parametrize(
    ("budget", "options", "numbers"),
    [
        (24, {}, (24, None)),
        ({"executions": 24, "dollars": 50}, {}, (24, 50.0)),
        ({"executions": 24}, {}, (24, None)),
        (24, {"dollars": 50.0}, (24, 50.0)),
        ({"executions": 24, "dollars": 50}, {"budget": 30}, (30, 50.0)),
        ({"executions": 24, "dollars": 50}, {"budget": 30, "dollars": 60.0}, (30, 60.0)),
    ],
)
def test_a_budget_is_a_number_of_executions_or_both_numbers(
    tmp_path: Path, budget: object, options: dict[str, Any], numbers: tuple[int, float | None]
) -> None:
    """Each option replaces its own number, and the file's other number stays."""
    study = load(RunOptions(write_study(tmp_path, budget=budget), **options))
    assert (study.budget, study.dollars) == numbers


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (0, "budget: 0 is out of range"),
        ("much", 'budget: expected a whole number, got a text "much"'),
        ({"dollars": 5}, "budget.executions: this key is missing"),
        ({"executions": 24, "dollars": 0}, "budget.dollars: 0 is out of range; expected more than 0"),
        ({"executions": 24, "dollar": 5}, "budget.dollar: this key is not known; expected one of executions, dollars"),
        ({"executions": 1, "dollars": 50}, "budget.executions: 1 execution is too few"),
    ],
)
def test_an_invalid_budget_is_reported(tmp_path: Path, budget: object, expected: str) -> None:
    assert expected in problem(tmp_path, budget=budget, optimizer="gepa")


def test_a_mistake_on_the_command_line_is_named_as_an_option(tmp_path: Path) -> None:
    assert problem(tmp_path, -1.0).startswith("--dollars: -1.0 is out of range")


def test_a_runtime_that_never_tells_its_cost_cannot_keep_dollars(tmp_path: Path) -> None:
    """The executions can be limited all the same."""
    keys: dict[str, Any] = {"runtime": "command", "command": ["cat"], "pipeline": None}
    assert "runtime: command never tells what an execution costs" in problem(tmp_path, 5.0, **keys)
    assert loaded(tmp_path, **keys).dollars is None


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"judge": {"model": "openai/llama", "api_base": "http://127.0.0.1:8000/v1"}}, "judge.model: openai/llama"),
        ({"proposer": {"model": "openai/llama"}, "optimizer": "gepa"}, "proposer.model: openai/llama"),
    ],
)
def test_a_model_without_a_known_price_cannot_keep_dollars(tmp_path: Path, keys: dict[str, object], key: str) -> None:
    assert f"{key} has no known price (genai-prices " in problem(tmp_path, 50.0, **keys)


def test_a_model_whose_answers_have_no_known_limit_cannot_keep_dollars(tmp_path: Path) -> None:
    """No limit is sent to these services, so the context window is the only one."""
    assert context_tokens("deepseek", "deepseek-v4-pro")
    assert loaded(tmp_path, 50.0, judge={"model": "deepseek/deepseek-v4-pro"}).dollars == 50.0
    assert dollars("zai", "GLM-5.3-FlashX", Tokens(input=1)) is not None
    expected = "judge.model: nobody tells how long an answer of zai/GLM-5.3-FlashX can be"
    assert expected in problem(tmp_path, 50.0, judge={"model": "zai/GLM-5.3-FlashX"})


def test_a_step_with_a_model_without_a_known_price_cannot_keep_dollars(tmp_path: Path) -> None:
    write_study(tmp_path)
    (tmp_path / "pipeline.yaml").write_text(
        "workflow: {name: p, steps: [{name: s, type: gemini, model: next-year, prompt: []}]}\n"
    )
    with pytest.raises(StudyError, match="pipeline: step s: gemini/next-year has no known price"):
        load(RunOptions(tmp_path / "study.yaml", dollars=50.0))


def test_a_proposer_that_is_never_asked_needs_no_price(tmp_path: Path) -> None:
    assert loaded(tmp_path, 50.0, proposer={"model": "openai/llama"}, optimizer="static").dollars == 50.0


def test_too_few_dollars_are_refused_with_the_smallest_budget(tmp_path: Path) -> None:
    """A study with a cent more than the smallest budget is accepted."""
    message = problem(tmp_path, 0.01)
    least = float(message.partition("expected at least ")[2].partition(":")[0])
    assert least > 0.1
    assert loaded(tmp_path, least + 0.01).dollars == least + 0.01


def test_a_purse_begins_with_what_the_run_has_spent(tmp_path: Path) -> None:
    """A retried flow goes on with the rest. A call without a known cost counts with its largest possible cost."""
    folder = begin(tmp_path)
    known = Cost.of([ModelCost(FLASH, 1, Tokens(input=1), 0.25)])
    unknown = Cost.of([], ["runtime: mix"], 0.5)
    for cost in (known, unknown, None):
        folder.append(CallRecord(action="execute", key="k", kind="ok", seconds=1.0, at=1.0, cost=cost))
    study = loaded(tmp_path / "study", 5.0)
    purse = purse_of(study, folder, tmp_path)
    assert purse is not None
    assert (purse.dollars, purse.spent) == (5.0, 0.75)
    assert purse_of(replace(study, dollars=None), folder, tmp_path) is None


def test_a_calibration_needs_a_smaller_budget_than_a_search(tmp_path: Path) -> None:
    """It confirms no prompt, takes fewer executions than any optimizer, and is continued later if it ends early."""
    file = write_study(tmp_path, budget=1, confirm=8)
    refused = _refusal(RunOptions(file, dollars=0.0001, calibrates=True))
    assert "expected at least " in refused
    assert ": to reserve the largest possible execution and verdict" in refused
    least = float(refused.partition("expected at least ")[2].partition(":")[0])
    for_search = _refusal(RunOptions(file, budget=6, dollars=0.0001)).partition("expected at least ")[2]
    assert least + 0.01 < float(for_search.partition(":")[0])
    study = load(RunOptions(file, dollars=least + 0.01, calibrates=True))
    assert (study.budget, study.dollars) == (1, least + 0.01)


def _refusal(options: RunOptions) -> str:
    with pytest.raises(StudyError) as caught:
        load(options)
    return str(caught.value)
