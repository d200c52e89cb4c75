"""Draws the rubric of a study: estimates the price, asks the judge's model once for each goal, and writes the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import UserError
from workbench.judging import drawing
from workbench.judging.judge import JUDGES
from workbench.money.meter import Meter
from workbench.nouns import HOLISTIC, Judge, Study
from workbench.scoring import Criterion
from workbench.study.estimate import one_call
from workbench.study.rubric import DRAWN_IN_REHEARSAL, write_rubric
from workbench.study.services import judging_service

#: The assumed tokens of a drawn rubric: fifteen criteria, each with a name, a question and a weight.
RUBRIC_TOKENS = 900


@dataclass(frozen=True)
class DrawnRubric:
    """A rubric that was just written.

    Attributes:
        criteria: the criteria by the goal's name.
        drawn_by: the model that drew them.
        dollars: what the calls cost; None if the model has no known price.
    """

    file: Path
    criteria: dict[str, tuple[Criterion, ...]]
    drawn_by: str
    dollars: float | None


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
    known = JUDGES[HOLISTIC].providers
    if study.judge.provider not in known:
        raise UserError(
            f"judge.model: {study.judge.provider}/{study.judge.name} cannot draw a rubric; expected a model of "
            f"{' or '.join(sorted(known))}; change judge.model in the study"
        )


def price_of_drawing(study: Study, *, rehearse: bool) -> str:
    """Return how many calls draw the rubric and what they cost, in words."""
    name, calls = f"{study.judge.provider}/{study.judge.name}", len(study.goals)
    asked = f"asking {name} once for each of {calls} goals" if calls > 1 else f"asking {name} once"
    if rehearse:
        return f"REHEARSAL: {asked}, played by a scripted model; this costs nothing"
    dollars = 0.0
    for goal in study.goals:
        size = sum(len(text.encode()) for text in (goal.text, *goal.gold))
        amount, unknown = one_call(study.judge, size, RUBRIC_TOKENS)
        if amount is None:
            return f"{asked}: no estimate of the cost ({unknown})"
        dollars += amount
    return f"{asked}: about ${dollars:.4f}"


def draw_rubric(study: Study, *, rehearse: bool, environ: Mapping[str, str]) -> DrawnRubric:
    """Draw the criteria of every goal and write them beside the study. If a goal fails, nothing is written.

    Raises:
        UserError, OutsideError: as `workbench.judging.drawing.draw`, and if the file cannot be written.
    """
    with judging_service(study, rehearse=rehearse, environ=environ) as provider:
        judge = Judge(study.judge.name, provider, "", study.judge.temperature, study.model_timeout)
        meter = Meter("score")
        criteria = {goal.name: drawing.draw(judge, goal, meter) for goal in study.goals}
    name = DRAWN_IN_REHEARSAL if provider.rehearsal else f"{study.judge.provider}/{study.judge.name}"
    dollars = meter.cost.dollars if meter.cost is not None else None
    return DrawnRubric(write_rubric(study, criteria, name), criteria, name, dollars)
