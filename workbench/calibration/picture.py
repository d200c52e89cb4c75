"""Draws a calibration: the mean score over the degree of damage, one line for each kind of damage."""

from __future__ import annotations

from statistics import fmean

from workbench.calibration.damage import DAMAGES, DEGREES
from workbench.calibration.measures import mean_score
from workbench.evidence import svg
from workbench.run.calibration import CalibrationRecord

WIDTH, HEIGHT = 640, 300
LEFT, TOP, RIGHT, BOTTOM = 42, 26, 470, 258
#: The colours of the kinds of damage, in the order of DAMAGES.
COLOURS = (svg.BLUE, svg.PURPLE, svg.GREY, svg.RED, svg.AMBER)
#: The signs that draw scores in a terminal, from 0 to 10.
BARS = "▁▂▃▄▅▆▇█"


def picture(calibration: CalibrationRecord, passing: float) -> str:
    """Return the drawing of a calibration as SVG. `passing` is the lowest score with which a plan passes."""
    parts = svg.score_grid(LEFT, RIGHT, _y)
    parts.append(svg.line(LEFT, _y(passing), RIGHT, _y(passing), svg.GREEN, dashed=True))
    parts.append(svg.text(RIGHT + 16, _y(passing) + 4, f"pass {passing:g}", svg.GREEN))
    for degree in (0.0, *DEGREES):
        parts.append(svg.text(_x(degree), BOTTOM + 16, f"{degree:.0%}", svg.FAINT, anchor="middle"))
    middle = (LEFT + RIGHT) / 2
    parts.append(svg.text(middle, HEIGHT - 8, "share of the gold plan that is damaged", svg.FAINT, anchor="middle"))
    for number, (kind, colour) in enumerate(zip(DAMAGES, COLOURS, strict=True)):
        points = [(_x(degree), _y(score)) for degree, score in curve(calibration, kind)]
        parts += [svg.curve(points, colour), *(svg.dot(x, y, 3, colour) for x, y in points)]
        name = f"{kind} (τ {calibration.tau[kind]:.2f})"
        parts.append(svg.text(RIGHT + 16, BOTTOM - 90 + 18 * number, name, colour))
    return svg.drawing(WIDTH, HEIGHT, parts)


def curve(calibration: CalibrationRecord, kind: str) -> list[tuple[float, float]]:
    """Return the mean scores of a kind of damage as pairs of degree and score. The first pair has the degree 0."""
    damaged = [(degree, mean_score(calibration.groups, kind, degree)) for degree in DEGREES]
    return [(0.0, calibration.gold), *damaged]


def table(calibration: CalibrationRecord) -> list[tuple[str, str]]:
    """Return the calibration for a terminal, as pairs of a name and a value: one line for each kind of damage."""
    rows = [("gold plan", f"{_bar(calibration.gold)}  {calibration.gold:.1f}")]
    for kind in DAMAGES:
        points = curve(calibration, kind)[1:]
        bars = "".join(_bar(score) for _, score in points)
        scores = "  ".join(f"{score:.1f} at {degree:.0%}" for degree, score in points)
        rows.append((kind, f"{_bar(calibration.gold)}{bars}  {scores}  (τ {calibration.tau[kind]:.2f})"))
    plans = [fmean(group.scores) for group in calibration.groups if group.kind == "plan"]
    if plans:
        spread = f"{min(plans):.1f} to {max(plans):.1f} in {len(plans)} plans"
        rows.append(("baseline", f"{_bar(fmean(plans))}  {fmean(plans):.1f} ({spread})"))
    return rows


def _bar(score: float) -> str:
    """Return the sign that draws a score."""
    return BARS[min(len(BARS) - 1, int(score / 10 * len(BARS)))]


def _x(degree: float) -> float:
    """Return the horizontal place of a degree of damage in the drawing."""
    return LEFT + 20 + (RIGHT - LEFT - 40) * degree / DEGREES[-1]


def _y(score: float) -> float:
    """Return the vertical place of a score in the drawing."""
    return BOTTOM - (BOTTOM - TOP) * score / 10
