"""Prepares the drawing of a study's rubric: its checks, its estimated price, and its calls of the judge's model."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from workbench.errors import UserError
from workbench.judging import drawing
from workbench.judging.judge import JUDGES
from workbench.money.purse import raise_if_used_up
from workbench.nouns import HOLISTIC, DrawRequest, Study
from workbench.run.setting import Setting
from workbench.scoring import Criterion
from workbench.search.asker import Asker, SearchStopped
from workbench.study.assumed_costs import call_cost
from workbench.study.rubric import DRAWN_IN_REHEARSAL

#: The assumed tokens of a drawn rubric: fifteen criteria, each with a name, a question and a weight.
RUBRIC_TOKENS = 900


def refuse_existing(study: Study, *, force: bool) -> None:
    """Check that a rubric can be drawn.

    Raises:
        UserError: the rubric exists and `force` is False, or the judge's model cannot draw one.
    """
    if study.rubric.exists() and not force:
        raise UserError(
            f"{study.rubric} exists already; expected no rubric, because a new one would replace your changes; add "
            "--force to replace it"
        )
    providers = JUDGES[HOLISTIC].providers
    if study.judge.provider not in providers:
        raise UserError(
            f"judge.model: {study.judge.provider}/{study.judge.name} cannot draw a rubric; expected a model of "
            f"{' or '.join(sorted(providers))}; change judge.model in the study"
        )


def price_of_drawing(study: Study, *, rehearse: bool) -> str:
    """Return how many calls draw the rubric and what they cost, in words."""
    name, calls = f"{study.judge.provider}/{study.judge.name}", len(study.goals)
    work = f"asking {name} once for each of {calls} goals" if calls > 1 else f"asking {name} once"
    if rehearse:
        return f"REHEARSAL: {work}, played by a scripted model; this costs nothing"
    dollars = 0.0
    for goal in study.goals:
        input_bytes = sum(len(text.encode()) for text in (goal.text, *goal.gold))
        cost = call_cost(study.judge, input_bytes, RUBRIC_TOKENS)
        if cost.dollars is None:
            return f"{work}: no estimate of the cost ({cost.unknown})"
        dollars += cost.dollars
    return f"{work}: about ${dollars:.4f}"


def drawing_of(setting: Setting, number: int) -> Callable[[Asker], dict[str, tuple[Criterion, ...]]]:
    """Return the work that draws the criteria of every goal, and returns them by the goal's name.

    `Asks` runs this work in a thread of its own.

    Args:
        number: the number of the drawing. A drawing with another number asks the model again.

    Raises:
        BudgetUsedUp: the work raises it if the budget in dollars does not allow the drawing.
    """

    def work(asker: Asker) -> dict[str, tuple[Criterion, ...]]:
        def criteria_of(request: DrawRequest) -> tuple[Criterion, ...]:
            return asker.criteria(request, drawing.key_of(request)).criteria

        try:
            with ThreadPoolExecutor(setting.study.concurrency) as pool:
                drawings = list(pool.map(criteria_of, requests(setting, number)))
        except SearchStopped:
            raise_if_used_up(setting.run.path, "the rubric was drawn", shared_by="all drawings of this rubric")
            raise
        return {goal.name: criteria for goal, criteria in zip(setting.study.goals, drawings, strict=True)}

    return work


def requests(setting: Setting, number: int) -> list[DrawRequest]:
    """Return the requests of a drawing, one for each goal."""
    return [DrawRequest(goal, setting.judge, number, setting.run.path) for goal in setting.study.goals]


def drawn_by(setting: Setting) -> str:
    """Return what the rubric's file says about who drew it: the model's name, or that it was a rehearsal."""
    judge = setting.study.judge
    return DRAWN_IN_REHEARSAL if setting.judge.provider.rehearsal else f"{judge.provider}/{judge.name}"
