"""Tests of the estimate of a study's time and cost, from sizes and from earlier runs."""

from __future__ import annotations

import re
import runpy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.command_line import EXAMPLE
from tests.support.run_folder import begin, call
from tests.support.settings import STUDY
from workbench.execution.command_study import CommandSettings
from workbench.execution.own.project import SHIPPED_PIPELINE
from workbench.money.price import Cost, ModelCost, Tokens
from workbench.nouns import Engine, Model, Pipeline, Study
from workbench.run.folder import RunFolder
from workbench.run.journal import Action, CallRecord
from workbench.study.estimate import ASSUMED_SECONDS, RoleEstimate, estimate
from workbench.study.opening import RunOptions, load

CODEBASE = EXAMPLE.parent / "codebase.xml"
RISE = datetime(2026, 12, 1, tzinfo=UTC)
ONE = replace(STUDY, name="study_one", optimizer="gepa", pipeline=Pipeline(Engine("mix"), file=SHIPPED_PIPELINE))


def roles(study: Study, home: Path) -> dict[str, RoleEstimate]:
    return {role.role: role for role in estimate(study, home).roles}


def paid(folder: RunFolder, action: Action, model: str, dollars: float | None, kind: str = "ok") -> None:
    """Add a call with this cost to the journal."""
    cost = Cost.of([ModelCost(model, 1, Tokens(input=1), dollars)])
    folder.append(CallRecord(action=action, key="key", kind=kind, seconds=1.0, at=1.0, cost=cost))


@pytest.mark.parametrize(
    ("name", "rehearsal", "seconds"),
    [("study_one", None, 1.0), ("study_one", "default:0", ASSUMED_SECONDS), ("other", None, ASSUMED_SECONDS)],
    ids=["the study's own run", "a rehearsal", "another study's run"],
)
def test_only_real_runs_of_the_study_count(tmp_path: Path, name: str, rehearsal: str | None, seconds: float) -> None:
    """Only executions that ended well count. The folder of a run that has not begun does not count."""
    folder = begin(tmp_path, study=name, rehearsal=rehearsal)
    call(folder, ("execute", "a", "ok"))
    paid(folder, "score", "gemini/gemini-4-argon", 0.5)
    (tmp_path / "runs" / "20990101-empty").mkdir()
    estimated = estimate(ONE, tmp_path)
    assert (estimated.seconds_each, estimated.measured) == (seconds, seconds != ASSUMED_SECONDS)
    assert (roles(ONE, tmp_path)["judge"].dollars_each == 0.5) is (seconds != ASSUMED_SECONDS)


def test_calls_that_are_no_good_execution_do_not_count(tmp_path: Path) -> None:
    folder = begin(tmp_path)
    call(folder, ("execute", "a", "timeout"), ("score", "b", "ok"), ("propose", "c", "ok"))
    assert not estimate(ONE, tmp_path).measured


def test_without_a_run_the_cost_follows_from_sizes(tmp_path: Path) -> None:
    """A longer gold plan makes longer plans and longer prompts of the judge. No model is called."""
    short, longer = roles(ONE, tmp_path), roles(with_gold(ONE, "gold " * 20_000), tmp_path)
    for role in ("generator", "judge", "proposer"):
        assert not short[role].measured
        assert 0 < short[role].dollars_each < longer[role].dollars_each  # type: ignore[operator]  # no price is None
    assert [short[role].calls for role in ("generator", "judge", "proposer")] == [18, 18, 6]
    estimated = estimate(ONE, tmp_path)
    assert estimated.dollars == pytest.approx(sum(role.dollars or 0 for role in estimated.roles))
    assert f"about ${estimated.dollars:.2f}: generator ${short['generator'].dollars:.2f} (18 × " in estimated.text
    assert "proposer" not in estimate(replace(ONE, optimizer="static"), tmp_path).text


def with_gold(study: Study, gold: str) -> Study:
    return replace(study, goals=(replace(study.goals[0], gold=(gold,)),))


def test_measured_costs_replace_assumed_ones(tmp_path: Path) -> None:
    """The cost of a good answer includes failed calls. Verdicts of another judge do not count."""
    folder = begin(tmp_path)
    paid(folder, "execute", "gemini/gemini-3.8-flash", 0.2)
    paid(folder, "execute", "gemini/gemini-3.8-flash", 0.1, kind="provider unavailable")
    paid(folder, "score", "gemini/another-judge", 9.0)
    estimated = roles(ONE, tmp_path)
    assert estimated["generator"].measured
    assert estimated["generator"].dollars_each == pytest.approx(0.3)
    assert not estimated["judge"].measured
    assert "$5.40 (18 × $0.3000, measured)" in estimate(ONE, tmp_path).text


def test_a_role_without_a_known_price_is_named(tmp_path: Path) -> None:
    """Then there is no estimate of the whole cost."""
    judge = Model("openai", "llama", api_base="http://127.0.0.1:8000/v1")
    program = Pipeline(Engine("command", CommandSettings("cat", ())))
    study = replace(ONE, judge=judge, pipeline=program)
    estimated = estimate(study, tmp_path)
    assert estimated.dollars is None
    assert "judge unknown (openai/llama has no known price)" in estimated.text
    assert "generator unknown (runtime: command never tells its cost)" in estimated.text
    cost = estimated.to_json()["cost"]
    assert (cost["dollars"], cost["judge"]["dollars"], cost["proposer"]["calls"]) == (None, None, 6)


def test_the_example_packs_files_that_the_runtime_still_has() -> None:
    """The packed text has the files that `pack.py` names, and packing them again would give a text of this size."""
    text = runpy.run_path(str(EXAMPLE.parent / "pack.py"))["pack"]()
    paths = re.compile(r'^<file path="(.*)">$', re.MULTILINE)
    assert paths.findall(text) == paths.findall(CODEBASE.read_text(encoding="utf-8"))
    assert 20_000 < len(text.encode()) < 30_000


def test_the_example_is_small_and_costs_what_the_readme_says(tmp_path: Path) -> None:
    """Every execution pays for the codebase. Google doubles the price of the judge on 1 December 2026."""
    assert 20_000 < CODEBASE.stat().st_size < 30_000
    readme = " ".join((EXAMPLE.parents[2] / "README.md").read_text(encoding="utf-8").split())
    estimated = estimate(load(RunOptions(EXAMPLE)), tmp_path)
    assert estimated.dollars is not None
    stated = re.search(r"The example costs about \$([\d.]+), and about \$([\d.]+) from 1 December 2026", readme)
    assert stated is not None
    amount = float(stated[1] if datetime.now(UTC) < RISE else stated[2])
    assert amount == pytest.approx(estimated.dollars, rel=0.15)
    assert f"{estimated.executions} executions" in readme
