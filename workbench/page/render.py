"""Renders the content of a run's page as one HTML file. It needs no network and no script.

Texts of models may be hostile. Jinja escapes every value, and a policy in the page forbids scripts and connections.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from workbench.calibration.picture import picture as calibration_picture
from workbench.evidence import diff_picture, svg
from workbench.evidence.criteria_picture import criteria_picture
from workbench.evidence.picture import picture
from workbench.evidence.race_report import effects_picture
from workbench.evidence.report import cost_rows, dollars_heading
from workbench.evidence.words import money, plural
from workbench.foreign_text import printable
from workbench.nouns import replicate_name
from workbench.page.content import Content
from workbench.page.pictures import confirmation_picture, history_picture

#: The name of the page's colour for each colour of a drawing. The dark page gives the name another value.
COLOURS = {
    "#ffffff": "surface",
    svg.INK: "ink",
    svg.FAINT: "faint",
    svg.BLUE: "blue",
    svg.GREY: "grey",
    svg.GREEN: "green",
    svg.RED: "red",
    svg.AMBER: "amber",
    svg.PURPLE: "purple",
    svg.GRID: "grid",
    "#8c959f": "axis",
    "#d0d7de": "line",
    diff_picture.REMOVED: "removed",
    diff_picture.ADDED: "added",
}


@dataclass(frozen=True)
class Pictures:
    """The drawings of the page. None stands for a drawing that the run has no data for."""

    search: Markup
    confirmation: Markup | None
    effects: Markup | None
    history: Markup | None
    criteria: Markup | None
    calibration: Markup | None


def html(content: Content) -> str:
    """Return the page as HTML."""
    return (
        _environment()
        .get_template("page.html")
        .render(
            content=content,
            summary=content.summary,
            record=content.summary.record,
            race=content.summary.race,
            costs=cost_rows(content.summary.costs),
            dollars_heading=dollars_heading(content.summary),
            colours=COLOURS,
            style=Markup((Path(__file__).parent / "page.css").read_text(encoding="utf-8")),  # noqa: S704  # a file of ours
            pictures=_pictures(content),
        )
    )


@functools.cache
def _environment() -> Environment:
    """Return Jinja with our filters. It is kept, because it keeps the compiled template."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=_clean,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(date=_date, money=money, plural=plural, replicate=replicate_name)
    return environment


def _pictures(content: Content) -> Pictures:
    summary, passing = content.summary, content.summary.record.passing
    calibration = summary.trust.calibration
    sides = [("baseline", content.first), *([("best", content.best)] if content.best else [])]
    return Pictures(
        search=_inline(picture(summary)),
        confirmation=_inline(confirmation_picture(sides, passing)) if content.first.confirmed else None,
        effects=_inline(effects_picture(summary.race)) if summary.race and summary.race.effects else None,
        history=_inline(history_picture(content.history, passing)) if content.history else None,
        criteria=_inline(criteria_picture(content.answers)) if content.answers else None,
        calibration=_inline(calibration_picture(calibration, passing)) if calibration else None,
    )


def _inline(image: str) -> Markup:
    """Return a drawing as an element of the page. The drawing's own texts are escaped already."""
    return Markup(image)  # noqa: S704  # workbench.evidence.svg escapes every text


def _clean(value: Any) -> Any:
    """Replace control characters in a text that the template shows."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
