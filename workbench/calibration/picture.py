"""Draws a calibration: the mean score over the degree of damage, one line for each kind of damage."""

from __future__ import annotations

from html import escape
from statistics import fmean

from workbench.calibration.damage import DAMAGES, DEGREES
from workbench.calibration.measures import mean_score
from workbench.run.calibration import CalibrationRecord

WIDTH, HEIGHT = 640, 300
LEFT, TOP, RIGHT, BOTTOM = 42, 26, 470, 258
COLOURS = ("#0969da", "#1a7f37", "#9a6700", "#cf222e", "#8250df")
INK, FAINT, LINE = "#24292f", "#6e7781", "#eaeef2"
#: The signs for scores from 0 to 10 in a text.
BARS = "▁▂▃▄▅▆▇█"


def picture(calibration: CalibrationRecord, passing: float) -> str:
    """Return the drawing as SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for score in range(0, 11, 2):
        parts.append(f'<line x1="{LEFT}" y1="{_y(score):.1f}" x2="{RIGHT}" y2="{_y(score):.1f}" stroke="{LINE}"/>')
        parts.append(_text(LEFT - 8, _y(score) + 4, str(score), FAINT, "end"))
    parts.append(
        f'<line x1="{LEFT}" y1="{_y(passing):.1f}" x2="{RIGHT}" y2="{_y(passing):.1f}" stroke="{COLOURS[1]}" '
        'stroke-dasharray="5 4"/>'
    )
    for degree in (0.0, *DEGREES):
        parts.append(_text(_x(degree), BOTTOM + 16, f"{degree:.0%}", FAINT, "middle"))
    parts.append(_text((LEFT + RIGHT) / 2, HEIGHT - 8, "share of the gold plan that is damaged", FAINT, "middle"))
    for number, (kind, colour) in enumerate(zip(DAMAGES, COLOURS, strict=True)):
        points = [(_x(degree), _y(score)) for degree, score in curve(calibration, kind)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        name = f"{kind} (τ {calibration.tau[kind]:.2f})"
        parts.append(_text(RIGHT + 16, TOP + 14 + 18 * number, name, colour, "start"))
    return "\n".join([*parts, "</svg>"])


def curve(calibration: CalibrationRecord, kind: str) -> list[tuple[float, float]]:
    """Return the mean scores of a kind of damage as pairs of degree and score, from no damage on."""
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
        rows.append(("starting prompt", f"{_bar(fmean(plans))}  {fmean(plans):.1f} ({spread})"))
    return rows


def _bar(score: float) -> str:
    return BARS[min(len(BARS) - 1, int(score / 10 * len(BARS)))]


def _x(degree: float) -> float:
    return LEFT + 20 + (RIGHT - LEFT - 40) * degree / DEGREES[-1]


def _y(score: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * score / 10


def _text(x: float, y: float, text: str, colour: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'
