"""Draws the judge's answers about the best prompt's plans: a row for each criterion, and a column for each plan."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from workbench.evidence.criteria import CriterionAnswers, PlanAnswer
from workbench.evidence.svg import AMBER, FAINT, GREEN, INK, RED, box, drawing, text
from workbench.foreign_text import one_line
from workbench.nouns import replicate_name
from workbench.scoring import CriterionAnswer

#: The sign and the colour of each answer. The sign tells answers apart without the colour.
SIGNS: dict[CriterionAnswer, tuple[str, str]] = {"yes": ("✓", GREEN), "partly": ("½", AMBER), "no": ("✗", RED)}
#: The sign of a "no" whose quote is not in the plan.
UNPROVED = "?"
LEGEND = "✓ yes   ½ partly   ✗ no   ? no, because the quoted words are not in the plan"
#: How many of the newest plans are drawn. The JSON has all of them.
PLANS = 16
#: Characters of a criterion's name, and of the evidence that a browser shows when the pointer is on a box.
NAME_CHARACTERS, EVIDENCE_CHARACTERS = 46, 300
#: The width of the drawing, the height of a row, and the y coordinate of the first row.
WIDTH, ROW, TOP = 760, 24, 30
#: The x coordinates of the names and of the first box, and the width of a column with a box.
LEFT, GRID_LEFT, COLUMN = 20, 350, 24


def criteria_picture(criteria: Sequence[CriterionAnswers]) -> str:
    """Return the drawing. Each goal has a heading, if there are several."""
    parts = [text(LEFT, 16, LEGEND, FAINT)]
    y, several = float(TOP), len({criterion.goal for criterion in criteria}) > 1
    for goal, rows in groupby(criteria, key=lambda criterion: criterion.goal):
        if several:
            parts.append(text(LEFT, y + 16, one_line(goal, NAME_CHARACTERS), INK, bold=True))
            y += ROW
        for criterion in rows:
            parts += _row(criterion, y)
            y += ROW
    return drawing(WIDTH, round(y) + 8, parts)


def _row(criterion: CriterionAnswers, y: float) -> list[str]:
    parts = [text(LEFT, y + 16, one_line(criterion.name, NAME_CHARACTERS), INK)]
    for number, answer in enumerate(criterion.answers[-PLANS:]):
        x = GRID_LEFT + COLUMN * number
        sign, colour = SIGNS[answer.answer]
        parts.append(box(x, y + 2, COLUMN - 3, ROW - 3, colour, title=_title(answer)))
        parts.append(
            text(x + (COLUMN - 3) / 2, y + 17, UNPROVED if answer.unproved else sign, "#ffffff", anchor="middle")
        )
    return parts


def _title(answer: PlanAnswer) -> str:
    quote = one_line(answer.evidence, EVIDENCE_CHARACTERS)
    evidence = f": “{quote}”" if quote else ""
    return f"{replicate_name(answer.replicate)}: {answer.answer}{' (not in the plan)' * answer.unproved}{evidence}"
