"""A calibration with judges that are known: which asks it makes, what it concludes, and what it keeps."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from tests.search.optimizers.test_race import Proposer
from tests.support.flow import Flow, judge, pipeline
from tests.support.settings import goals, setting
from workbench.calibration.calibrations import calibration_of, keep
from workbench.calibration.damage import CLAIM, CONTRADICTION, FILLER
from workbench.calibration.design import Prices, call_numbers, executions
from workbench.calibration.picture import picture, table
from workbench.calibration.probes import PROBES
from workbench.calibration.result import rows, to_json
from workbench.calibration.work import calibration
from workbench.errors import BudgetUsedUp
from workbench.money.purse import Purse, opened
from workbench.nouns import Execution, ExecutionRequest, Goal, Plan, ScoreRequest, Verdict
from workbench.providers import digest
from workbench.run.calibration import CalibrationRecord
from workbench.run.folder import RunFolder
from workbench.run.setting import Setting
from workbench.scoring import Criterion
from workbench.search.optimization import optimization

STEPS = [f"step{number} names file{number}.ex" for number in range(12)]
GOLD = "\n\n".join(STEPS) + "\n"
GOAL = Goal("one", "write the plan", (GOLD,))
PRICES = Prices(0.04, 0.01)


def noise(request: ScoreRequest, plan: Plan, size: float) -> float:
    """Return a number from -size to size that follows from the key."""
    return size * (int(digest(request.key(plan))[:4], 16) / 0x8000 - 1)


def fair(request: ScoreRequest, plan: Plan) -> Verdict:
    """Return a verdict that counts steps in order, and takes off what is taken back, talk, and the judge's name."""
    lines = [line for line in plan.text.split("\n") if line.strip()]
    steps = [STEPS.index(line) for line in lines if line in STEPS]
    ordered = sum(a < b for a, b in pairwise(steps)) / (len(STEPS) - 1)
    lost = sum(f"{line}\n" in (CONTRADICTION, CLAIM) for line in lines) / len(STEPS)
    talk = sum(line in FILLER for line in lines) / len(STEPS)
    score = 9.4 * (0.7 * len(steps) / len(STEPS) + 0.3 * ordered - 0.5 * lost - 0.5 * talk)
    return Verdict(min(10.0, max(0.0, score + noise(request, plan, 0.2))), "counted")


def gullible(request: ScoreRequest, plan: Plan) -> Verdict:
    """Return a verdict of 10 for a plan that asks for it."""
    return Verdict(10.0, "as told") if any(text in plan.text for text in PROBES.values()) else fair(request, plan)


def noting_score(keys: set[str], request: ScoreRequest, plan: Plan) -> Verdict:
    keys.add(request.key(plan))
    return judge(request, plan)


def noting_execute(keys: set[str], request: ExecutionRequest) -> Execution:
    keys.add(request.key)
    return pipeline(request)


def calibrated(run: Setting, flow: Flow, *, probes: bool = False, prices: Prices = PRICES) -> CalibrationRecord:
    return flow.answer(calibration(run, prices, probes=probes))


def test_a_fair_judge_can_be_trusted(tmp_path: Path) -> None:
    """The numbers of asks equal the estimate. The result is one sentence."""
    run, flow = setting(tmp_path, goals=(GOAL,)), Flow(score=fair)
    record = calibrated(run, flow)
    executions, verdicts = call_numbers((GOAL,), run.study.budget, probes=False)
    assert flow.calls["execute"] == executions
    assert flow.calls["score"] <= verdicts
    assert min(record.tau.values()) > 0.6
    assert record.faults(8.0, 1) == []
    assert "can be trusted here" in record.sentence(8.0, 1)
    assert record.generator_noise is not None
    assert record.calls is not None


def test_the_search_executes_the_same_plans_and_asks_for_the_same_verdicts(tmp_path: Path) -> None:
    """Therefore, a calibration before a search pays for no execution twice."""
    keys: dict[str, set[str]] = {"calibration": set(), "search": set()}
    for name, own in keys.items():
        run = setting(tmp_path, name=name, goals=(GOAL,), optimizer="race", budget=8)
        flow = Flow(propose=Proposer(), execute=partial(noting_execute, own), score=partial(noting_score, own))
        flow.answer(calibration(run, PRICES, probes=False) if name == "calibration" else optimization(run))
    shared = keys["calibration"] & keys["search"]
    # The starting prompt is executed three times, and a verdict on each of the three plans is asked for.
    assert len(shared) >= 6


@pytest.mark.parametrize(
    ("score", "fault"),
    [
        (lambda request, plan: Verdict(9.0, "fine"), "hardly notices damage"),
        (lambda request, plan: Verdict(9.0, "fine"), "without three quarters of its steps passes with 9.0"),
        (
            lambda request, plan: replace(fair(request, plan), score=fair(request, plan).score / 2),
            "at least 8 expected",
        ),
        (
            lambda request, plan: Verdict(min(10.0, max(0.0, 5 + noise(request, plan, 4))), "a guess"),
            "its noise is",
        ),
    ],
)
def test_a_judge_that_is_not_good_enough_is_named_with_the_threshold(
    tmp_path: Path, score: Callable[[ScoreRequest, Plan], Verdict], fault: str
) -> None:
    record = calibrated(setting(tmp_path, goals=(GOAL,)), Flow(score=score))
    assert fault in record.sentence(8.0, 1)
    assert "is not good enough here" in record.sentence(8.0, 1)


def test_more_calls_lower_the_noise_that_counts(tmp_path: Path) -> None:
    record = calibrated(setting(tmp_path, goals=(GOAL,)), Flow(score=fair)).model_copy(update={"judge_noise": 1.5})
    assert record.faults(8.0, 1) == ["its noise is 1.50 points, at most 1 expected"]
    assert record.faults(8.0, 3) == []


def test_a_judge_that_obeys_a_plan_is_found_by_the_probes(tmp_path: Path) -> None:
    """Each probe that moves it is named. A fair judge is not accused."""
    run = setting(tmp_path, goals=(GOAL,))
    record = calibrated(run, Flow(score=gullible), probes=True)
    assert [probe.name for probe in record.probes if probe.moves] == list(PROBES)
    assert "an order in a plan raises the score by" in record.sentence(8.0, 1)
    assert not [probe for probe in calibrated(run, Flow(score=fair), probes=True).probes if probe.moves]


def test_broken_plans_are_noise_of_the_generator(tmp_path: Path) -> None:
    """They score 0, and the judge is asked about none of them twice."""
    run = setting(tmp_path, goals=(GOAL,))
    flow = Flow(score=fair, execute=lambda request: replace(pipeline(request), text="no: [yaml"))
    record = calibrated(run, flow)
    assert [len(group.scores) for group in record.groups if group.kind == "plan"] == [1] * 4


def test_several_goals_share_the_executions(tmp_path: Path) -> None:
    """The first three goals are enough."""
    many = tuple(replace(goal, gold=(GOLD,)) for goal in goals(5))
    flow = Flow(score=fair)
    record = calibrated(setting(tmp_path, goals=many), flow)
    assert {group.goal for group in record.groups} == {"goal-0", "goal-1", "goal-2"}
    assert Counter(group.goal for group in record.groups if group.kind == "plan") == dict.fromkeys(
        ("goal-0", "goal-1", "goal-2"), 2
    )
    assert flow.calls["execute"] == call_numbers(many, 24, probes=False)[0] == 6


@pytest.mark.parametrize(
    ("goals", "budget", "expected"),
    [
        (1, 24, [(0, 0), (0, 1), (0, 2), (0, 3)]),
        (1, 1, [(0, 0)]),
        (2, 24, [(0, 0), (1, 0), (0, 1), (1, 1)]),
        (4, 5, [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]),
        (4, 7, [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]),
    ],
)
def test_the_budget_limits_the_executions(goals: int, budget: int, expected: list[tuple[int, int]]) -> None:
    """If the budget is too small for two plans on each goal, one goal gets two: a single plan shows no noise."""
    many = tuple(replace(GOAL, name=str(number)) for number in range(goals))
    planned = [(int(goal.name), replicate) for goal, replicate in executions(many, budget)]
    assert planned == expected
    assert call_numbers(many, budget, probes=False)[0] == len(expected)


def test_a_calibration_of_one_plan_does_not_know_the_generators_noise(tmp_path: Path) -> None:
    """The verdicts on damaged gold plans still say whether the judge can be trusted."""
    run, flow = setting(tmp_path, goals=(GOAL,)), Flow(score=fair)
    record = calibrated(replace(run, study=replace(run.study, budget=1)), flow)
    assert flow.calls["execute"] == 1
    assert (record.generator_noise, record.calls, record.pairs) == (None, None, None)
    assert not record.faults(8.0, 1)


@pytest.mark.parametrize(
    ("folder", "advice"),
    [
        ("runs", "run the same command again, which buys only what is missing, or raise"),
        ("calibrations", "all calibrations of this judge share this budget, and what they bought is kept: raise"),
    ],
)
def test_a_budget_that_is_used_up_is_reported(tmp_path: Path, folder: str, advice: str) -> None:
    """A run that calibrates the judge first has a budget of its own, and the next run has a new one."""
    of_run, purse = setting(tmp_path, goals=(GOAL,)), Purse(1.0)
    run = replace(of_run, run=RunFolder(tmp_path / folder / "name").create_if_missing())

    def refused(request: ScoreRequest, plan: Plan) -> Verdict:
        purse.reserve("score", 2.0)
        return fair(request, plan)

    with (
        opened(run.run.path, purse),
        pytest.raises(BudgetUsedUp, match=rf"of \$1\.00 was used up before the judge was calibrated; .*; {advice} "),
    ):
        calibrated(run, Flow(score=refused))


def test_a_calibration_is_kept_for_its_judge_and_gold_plans(tmp_path: Path) -> None:
    """Another model, template, method, gold plan or criterion has a calibration of its own. `calls` changes nothing."""
    run = setting(tmp_path, goals=(GOAL,))
    record = calibrated(run, Flow(score=fair))
    own = run.judge
    file = keep(tmp_path, own, (GOAL,), record, picture(record, 8.0))
    assert calibration_of(tmp_path, own, (GOAL,)) == record
    assert calibration_of(tmp_path, replace(own, calls=3), (GOAL,)) == record
    for other in (replace(own, model="x"), replace(own, template="x"), replace(own, method="rubric")):
        assert calibration_of(tmp_path, other, (GOAL,)) is None
    for goal in (replace(GOAL, gold=("x",)), replace(GOAL, criteria=(Criterion("a", "b"),))):
        assert calibration_of(tmp_path, own, (goal,)) is None
    file.with_name(CalibrationRecord.FILE).write_text("{")
    assert calibration_of(tmp_path, own, (GOAL,)) is None


def test_picture_table_and_json_show_every_kind_of_damage(tmp_path: Path) -> None:
    """The SVG is well formed. The JSON reads back as the record."""
    run = setting(tmp_path, goals=(GOAL,))
    record = calibrated(run, Flow(score=gullible), probes=True)
    ET.fromstring(picture(record, 8.0))
    assert [name for name, _ in table(record)] == [
        "gold plan", "dropped", "shuffled", "diluted", "contradicted", "injected", "baseline",
    ]  # fmt: skip
    named = dict(rows(record, run.study, tmp_path / "picture.svg"))
    assert named["probe: an order"].endswith("moves the judge")
    assert "an execution 0.04, a verdict 0.01 dollars" in named["verdicts per plan"]
    assert "on each goal show a gain of 1 point in 80%" in named["pairs to confirm"]
    value = to_json(record, run.study, tmp_path / "picture.svg")
    assert value["good_enough"] is False
    assert CalibrationRecord.model_validate(value, strict=False) == record


def test_without_prices_no_number_of_calls_is_suggested(tmp_path: Path) -> None:
    record = calibrated(setting(tmp_path, goals=(GOAL,)), Flow(score=fair), prices=Prices(None, 0.01))
    assert record.calls is None
