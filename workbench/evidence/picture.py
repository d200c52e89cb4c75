"""Draws a run as SVG: the scores over executions, the best score so far, and the confirmed scores."""

from __future__ import annotations

from collections.abc import Callable

from workbench.evidence.standings import Standings
from workbench.evidence.summary import Summary
from workbench.evidence.svg import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    INK,
    band,
    curve,
    dot,
    drawing,
    line,
    score_grid,
    text,
)
from workbench.run.record import TrialRecord

WIDTH, HEIGHT = 760, 300
#: The left edge of the drawing's grid, and the y coordinates of the scores 10 and 0.
LEFT, TOP, BOTTOM = 42, 26, 258
#: The x coordinates at which the search's part ends and the confirmation's part begins and ends.
SEARCH_RIGHT, CONFIRM_LEFT, CONFIRM_RIGHT = 540, 580, 740


def picture(summary: Summary) -> str:
    """Return the drawing. It is valid SVG even if the run has no trial yet."""
    return drawing(WIDTH, HEIGHT, [*_axes(summary), *_search(summary), *_confirm(summary)])


def _y(score: float) -> float:
    """Return the y coordinate of a score from 0 to 10."""
    return BOTTOM - (BOTTOM - TOP) * score / 10


def _axes(summary: Summary) -> list[str]:
    parts = score_grid(LEFT, CONFIRM_RIGHT, _y)
    parts.append(text(LEFT - 8, TOP - 12, "score", FAINT, anchor="end"))
    passing = summary.record.passing
    parts.append(line(LEFT, _y(passing), CONFIRM_RIGHT, _y(passing), GREEN, dashed=True))
    parts.append(text(LEFT + 4, _y(passing) - 4, f"pass {passing:g}", GREEN))
    parts.append(text((LEFT + SEARCH_RIGHT) / 2, HEIGHT - 8, "executions of the search", FAINT, anchor="middle"))
    parts.append(line(560, TOP, 560, BOTTOM, "#d0d7de"))
    return parts


def _search(summary: Summary) -> list[str]:
    """Return the dots of the search's trials, below the curves of a race or the best score so far."""
    trials = summary.search
    if not trials:
        return [text((LEFT + SEARCH_RIGHT) / 2, (TOP + BOTTOM) / 2, "no trial yet", FAINT, anchor="middle")]
    step = (SEARCH_RIGHT - LEFT - 20) / max(1, len(trials) - 1)

    def x(index: int) -> float:
        return LEFT + 10 + index * step

    radius = 4 if len(trials) <= 80 else 2
    dots = [
        dot(
            x(index),
            _y(trial.score),
            radius,
            GREY if trial.candidate == summary.baseline else BLUE,
            opacity=0.75,
            title=f"{trial.candidate} on {trial.goal}: {trial.score:.1f}",
        )
        for index, trial in enumerate(trials)
    ]
    numbers = [text(x(0), BOTTOM + 16, "1", FAINT, anchor="middle")]
    if len(trials) > 1:
        numbers.append(text(x(len(trials) - 1), BOTTOM + 16, str(len(trials)), FAINT, anchor="middle"))
    curves = _expected(summary, x) or [_best_so_far(summary, trials, x)]
    return [*curves, *dots, *numbers]


def _expected(summary: Summary, x: Callable[[int], float]) -> list[str]:
    """Return the scores that a race expected of the baseline and of its best prompt, as curves in bands.

    A band is the interval of the expected score. The list is empty if the optimizer was no race.
    """
    steps = summary.race.steps if summary.race else ()
    parts = []
    for colour, estimates in (
        (GREY, [(step.trials, step.first) for step in steps]),
        (BLUE, [(step.trials, step.best) for step in steps]),
    ):
        points = [(x(min(count, len(summary.search)) - 1), estimate) for count, estimate in estimates if estimate]
        if points:
            parts += [
                band([(at, _y(estimate.low), _y(estimate.high)) for at, estimate in points], colour),
                curve([(at, _y(estimate.score)) for at, estimate in points], colour),
            ]
    if parts and summary.race:
        intervals = f"{summary.race.level:.0%} intervals"
        legend = f"lines: expected of the baseline (grey) and of the best (blue), with {intervals}"
        parts.append(text(SEARCH_RIGHT, TOP - 12, legend, FAINT, anchor="end"))
    return parts


def _best_so_far(summary: Summary, trials: tuple[TrialRecord, ...], x: Callable[[int], float]) -> str:
    """Return the curve of the best mean score after each number of trials, or an empty text."""
    standings = Standings([goal.name for goal in summary.record.goals])
    best: float | None = None
    points: list[tuple[float, float]] = []
    # About fifty points show the line of a long search.
    stride, last = max(1, len(trials) // 50), len(trials) - 1
    for index, trial in enumerate(trials):
        standings.add(trial)
        if (index % stride and index != last) or (leader := standings.leader) is None:
            continue
        leading = leader[1]
        at = x(index)
        if best is not None:
            points.append((at, _y(best)))
        best = max(leading, best or 0.0)
        points.append((at, _y(best)))
    return curve(points, BLUE) if points else ""


def _confirm(summary: Summary) -> list[str]:
    """Return the confirmed scores of both prompts, each with its mean and the interval of the mean."""
    middle = (CONFIRM_LEFT + CONFIRM_RIGHT) / 2
    label = text(middle, HEIGHT - 8, "confirmed on fresh trials", FAINT, anchor="middle")
    if not summary.confirm:
        words = "not yet" if summary.stopped is None else "not reached"
        return [label, text(middle, (TOP + BOTTOM) / 2, words, FAINT, anchor="middle")]
    sides = [(summary.baseline, "baseline", CONFIRM_LEFT + 40, GREY)]
    if summary.best != summary.baseline:
        sides.append((summary.best or "", "best", CONFIRM_RIGHT - 40, BLUE))
    parts = [label]
    for candidate, name, at, colour in sides:
        scores = [trial.score for trial in summary.confirm if trial.candidate == candidate]
        parts += [dot(at - 14, _y(score), 3, colour, opacity=0.6) for score in scores]
        parts.append(text(at, BOTTOM + 16, name, INK, anchor="middle"))
        mean = summary.mean_score(candidate)
        if mean is not None and mean.low is not None and mean.high is not None:
            parts.append(line(at, _y(mean.low), at, _y(mean.high), colour, width=2))
            parts.append(line(at - 6, _y(mean.score), at + 6, _y(mean.score), colour, width=3))
            parts.append(text(at + 10, _y(mean.score) - 4, f"{mean.score:.2f}", colour))
    return parts
