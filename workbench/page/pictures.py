"""Draws the pictures that only the page has: the confirmed scores, and the scores of the champion over time."""

from __future__ import annotations

import time
from collections.abc import Sequence

from workbench.champion.history import Measurement
from workbench.evidence.svg import BLUE, FAINT, GREEN, GREY, GRID, INK, RED, curve, dot, drawing, line, score_grid, text
from workbench.page.content import Side

#: The confirmed scores: the width of the drawing, the height of a row, and the y coordinate of the first row.
WIDTH, ROW, TOP = 760, 46, 34
#: The x coordinates of the scores 0 and 10.
LEFT, RIGHT = 96, 690
#: The champion over time: the height of the drawing, the y coordinates of the scores 10 and 0, and the x coordinates of
#: the two ends of the axis.
HEIGHT, HIGHEST, LOWEST = 300, 30, 238
AXIS_LEFT, AXIS_RIGHT = 42, 740
#: How many measurements are drawn. The table has all of them.
DRAWN = 24


def confirmation_picture(sides: Sequence[tuple[str, Side]], passing: float) -> str:
    """Return the fresh scores of each prompt as dots on a line, with their mean and its interval."""
    height = TOP + ROW * len(sides) + 22
    parts = [line(_x(score), TOP - 8, _x(score), height - 22, GRID) for score in range(0, 11, 2)]
    parts += [text(_x(score), height - 6, str(score), FAINT, anchor="middle") for score in range(0, 11, 2)]
    parts.append(line(_x(passing), TOP - 8, _x(passing), height - 22, GREEN, dashed=True))
    parts.append(text(_x(passing), TOP - 14, f"pass {passing:g}", GREEN, anchor="middle"))
    for number, (label, side) in enumerate(sides):
        y = TOP + ROW * number + ROW / 2
        colour = GREY if number == 0 else BLUE
        parts.append(text(LEFT - 14, y + 4, label, INK, anchor="end"))
        parts += [dot(_x(score), y + 9, 3, colour, opacity=0.5) for score in side.confirmed]
        if side.mean is None:
            continue
        if side.mean.low is not None and side.mean.high is not None:
            parts.append(line(_x(side.mean.low), y - 3, _x(side.mean.high), y - 3, colour, width=4))
        parts.append(dot(_x(side.mean.score), y - 3, 6, colour))
        parts.append(text(RIGHT + 14, y + 2, f"{side.mean.score:.2f}", colour, bold=True))
    return drawing(WIDTH, height, parts)


def _x(score: float) -> float:
    """Return the x coordinate of a score from 0 to 10."""
    return LEFT + (RIGHT - LEFT) * score / 10


def history_picture(measurements: Sequence[Measurement], passing: float) -> str:
    """Return the champion's scores with their intervals in the order of time, marked with commits.

    A promotion is blue. A champion that a requalification found worse is red. Any other measurement is grey.
    """
    latest = measurements[-DRAWN:]
    step = (AXIS_RIGHT - AXIS_LEFT) / len(latest)
    parts = score_grid(AXIS_LEFT, AXIS_RIGHT, _y)
    parts.append(line(AXIS_LEFT, _y(passing), AXIS_RIGHT, _y(passing), GREEN, dashed=True))
    parts.append(text(AXIS_LEFT + 4, _y(passing) - 4, f"pass {passing:g}", GREEN))
    points = [(AXIS_LEFT + step * (number + 0.5), _y(measurement.score)) for number, measurement in enumerate(latest)]
    parts.append(curve(points, GRID))
    # No champion has this number, so the first measurement gets a label.
    previous: int | None = -1
    for (x, y), measurement in zip(points, latest, strict=True):
        parts += _point(measurement, x, y, step)
        if measurement.champion != previous:
            label = "start" if measurement.champion is None else f"no. {measurement.champion}"
            parts.append(text(x, HIGHEST - 14, label, INK, anchor="middle", bold=True))
            previous = measurement.champion
    return drawing(WIDTH, HEIGHT, parts)


def _point(measurement: Measurement, x: float, y: float, step: float) -> list[str]:
    """Return a measurement as a dot with its interval, its score, and its commit and date if they have room."""
    colour = RED if measurement.decision == "worse" else BLUE if measurement.occasion == "promotion" else GREY
    parts = []
    if measurement.low is not None and measurement.high is not None:
        parts.append(line(x, _y(measurement.low), x, _y(measurement.high), colour, width=2))
    when = time.strftime("%Y-%m-%d", time.gmtime(measurement.at))
    parts.append(dot(x, y, 5, colour, title=f"{when} {measurement.occasion}: {measurement.score:.2f}"))
    # Below this width, neighbouring labels would overlap. Two digits are those of the table.
    has_room = step >= 56
    parts.append(text(x + 9, y + 4, f"{measurement.score:.{2 if has_room else 1}f}", colour))
    if has_room:
        parts.append(text(x, LOWEST + 20, (measurement.commit or "–")[:7], INK, anchor="middle"))
        parts.append(text(x, LOWEST + 36, when[5:], FAINT, anchor="middle"))
    return parts


def _y(score: float) -> float:
    """Return the y coordinate of a score from 0 to 10."""
    return LOWEST - (LOWEST - HIGHEST) * score / 10
