"""Draws a run as SVG: the scores over executions, the best score so far, and the confirmed scores."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape
from statistics import fmean

from workbench.evidence.statistics import interval
from workbench.evidence.summary import Summary, standings
from workbench.run.record import TrialRecord

WIDTH, HEIGHT = 760, 300
LEFT, TOP, BOTTOM = 42, 26, 258
#: The x coordinates at which the search's part ends and the confirmation's part begins and ends.
SEARCH_RIGHT, CONFIRM_LEFT, CONFIRM_RIGHT = 540, 580, 740

INK, FAINT, BLUE, GREY, GREEN = "#24292f", "#8c959f", "#0969da", "#6e7781", "#1a7f37"
FONT = 'font-family="system-ui, sans-serif"'


def data_uri(svg: str) -> str:
    """Return the drawing as an image for Markdown. The Prefect UI draws such an image, and removes inline SVG."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def picture(summary: Summary) -> str:
    """Return the drawing. It is valid SVG even if the run has no trial yet."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" {FONT}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *_axes(summary),
        *_search(summary),
        *_confirm(summary),
        "</svg>",
    ]
    return "\n".join(parts)


def _y(score: float) -> float:
    """Return the y coordinate of a score from 0 to 10."""
    return BOTTOM - (BOTTOM - TOP) * score / 10


def _axes(summary: Summary) -> list[str]:
    parts = []
    for score in range(0, 11, 2):
        parts.append(_line(LEFT, _y(score), CONFIRM_RIGHT, _y(score), "#eaeef2"))
        parts.append(_text(LEFT - 8, _y(score) + 4, str(score), FAINT, anchor="end"))
    parts.append(_text(LEFT - 8, TOP - 12, "score", FAINT, anchor="end"))
    passing = summary.record.passing
    parts.append(_line(LEFT, _y(passing), CONFIRM_RIGHT, _y(passing), GREEN, dashed=True))
    parts.append(_text(LEFT + 4, _y(passing) - 4, f"pass {passing:g}", GREEN))
    parts.append(_text((LEFT + SEARCH_RIGHT) / 2, HEIGHT - 8, "executions of the search", FAINT, anchor="middle"))
    parts.append(_line(560, TOP, 560, BOTTOM, "#d0d7de"))
    return parts


def _search(summary: Summary) -> list[str]:
    trials = summary.search
    if not trials:
        return [_text((LEFT + SEARCH_RIGHT) / 2, (TOP + BOTTOM) / 2, "no trial yet", FAINT, anchor="middle")]
    step = (SEARCH_RIGHT - LEFT - 20) / max(1, len(trials) - 1)

    def x(index: int) -> float:
        return LEFT + 10 + index * step

    radius = 4 if len(trials) <= 80 else 2
    dots = [
        f'<circle cx="{x(index):.1f}" cy="{_y(trial.score):.1f}" r="{radius}" '
        f'fill="{GREY if trial.candidate == summary.baseline else BLUE}" fill-opacity="0.75">'
        f"<title>{escape(f'{trial.candidate} on {trial.goal}: {trial.score:.1f}')}</title></circle>"
        for index, trial in enumerate(trials)
    ]
    numbers = [_text(x(0), BOTTOM + 16, "1", FAINT, anchor="middle")]
    if len(trials) > 1:
        numbers.append(_text(x(len(trials) - 1), BOTTOM + 16, str(len(trials)), FAINT, anchor="middle"))
    return [_best_so_far(summary, trials, x), *dots, *numbers]


def _best_so_far(summary: Summary, trials: tuple[TrialRecord, ...], x: Callable[[int], float]) -> str:
    goals = [goal.name for goal in summary.record.goals]
    best, points = None, []
    # To read every prefix of a long search would take long. About fifty prefixes show the same line.
    stride = max(1, len(trials) // 50)
    for index in [*range(0, len(trials), stride), len(trials) - 1]:
        leading = max(standings(trials[: index + 1], goals).values(), default=None)
        if leading is None:
            continue
        at = x(index)
        if best is not None:
            points.append(f"{at:.1f},{_y(best):.1f}")
        best = max(leading, best or 0.0)
        points.append(f"{at:.1f},{_y(best):.1f}")
    return f'<polyline points="{" ".join(points)}" fill="none" stroke="{BLUE}" stroke-width="2"/>' if points else ""


def _confirm(summary: Summary) -> list[str]:
    middle = (CONFIRM_LEFT + CONFIRM_RIGHT) / 2
    label = _text(middle, HEIGHT - 8, "confirmed on fresh trials", FAINT, anchor="middle")
    if not summary.confirm:
        return [label, _text(middle, (TOP + BOTTOM) / 2, "not yet", FAINT, anchor="middle")]
    sides = [(summary.baseline, "baseline", CONFIRM_LEFT + 40, GREY)]
    if summary.best != summary.baseline:
        sides.append((summary.best or "", "best", CONFIRM_RIGHT - 40, BLUE))
    parts = [label]
    for candidate, name, at, colour in sides:
        scores = [trial.score for trial in summary.confirm if trial.candidate == candidate]
        parts += [
            f'<circle cx="{at - 14}" cy="{_y(score):.1f}" r="3" fill="{colour}" fill-opacity="0.6"/>'
            for score in scores
        ]
        parts.append(_text(at, BOTTOM + 16, name, INK, anchor="middle"))
        if len(scores) > 1:
            low, high = interval(scores)
            mean = fmean(scores)
            parts.append(_line(at, _y(low), at, _y(high), colour, width=2))
            parts.append(_line(at - 6, _y(mean), at + 6, _y(mean), colour, width=3))
            parts.append(_text(at + 10, _y(mean) - 4, f"{mean:.1f}", colour))
    return parts


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashed: bool = False, width: int = 1) -> str:
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"{dash}/>'


def _text(x: float, y: float, text: str, colour: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'
