"""Draws the table of `selection.py` as SVG: the true quality of each rule's prompts in the main world."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Protocol

#: The size of the drawing, and the width of one panel.
WIDTH, HEIGHT, PANEL = 900, 356, 260
#: The names of the rules stand below the panels: how many in a line, and the width of each.
NAMES, NAME_WIDTH = 5, 170
#: The left edge of the first panel, and the y coordinates of the qualities 1 and 0.
LEFT, TOP, BOTTOM = 46, 40, 290
COLOURS = ("#0969da", "#54aeff", "#8c959f", "#bf8700", "#1a7f37", "#cf222e", "#8250df", "#bc4c00", "#6e7781")
#: The best possible quality in the main world.
BEST = 0.87


class Cell(Protocol):
    """One cell of the table."""

    @property
    def world(self) -> str: ...
    @property
    def sigma(self) -> float: ...
    @property
    def budget(self) -> int: ...
    @property
    def rule(self) -> str: ...
    @property
    def quality(self) -> float: ...
    @property
    def standard_error(self) -> float: ...


def plot(cells: Sequence[Cell]) -> str:
    """Return the drawing, one panel for each noise level. The bars are two standard errors up and down."""
    main = [cell for cell in cells if cell.world == "main"]
    rules = list(dict.fromkeys(cell.rule for cell in main))
    budgets = sorted({cell.budget for cell in main})
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for panel, sigma in enumerate(sorted({cell.sigma for cell in main})):
        left = LEFT + panel * (PANEL + 30)
        parts.append(_text(left, TOP - 18, f"noise of the generator {sigma:.2f}"))
        for level in (0.2, 0.4, 0.6, 0.8):
            parts.append(_line(left, _y(level), left + PANEL, _y(level), "#eaeef2"))
            parts.append(_text(left - 6, _y(level) + 4, f"{level:.1f}", anchor="end"))
        parts.append(_line(left, _y(BEST), left + PANEL, _y(BEST), "#1a7f37", dashed=True))
        for number, budget in enumerate(budgets):
            parts.append(_text(_x(left, number, len(budgets)), BOTTOM + 16, str(budget), anchor="middle"))
        for rule, colour in zip(rules, COLOURS, strict=False):
            row = {cell.budget: cell for cell in main if (cell.rule, cell.sigma) == (rule, sigma)}
            points = [(_x(left, n, len(budgets)), row[budget]) for n, budget in enumerate(budgets) if budget in row]
            path = " ".join(f"{x:.1f},{_y(cell.quality):.1f}" for x, cell in points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            for x, cell in points:
                low, high = cell.quality - 2 * cell.standard_error, cell.quality + 2 * cell.standard_error
                parts.append(_line(x, _y(low), x, _y(high), colour))
                parts.append(f'<circle cx="{x:.1f}" cy="{_y(cell.quality):.1f}" r="3" fill="{colour}"/>')
    for number, (rule, colour) in enumerate(zip(rules, COLOURS, strict=False)):
        line, column = divmod(number, NAMES)
        parts.append(_text(LEFT + NAME_WIDTH * column, HEIGHT - 26 + 16 * line, rule, colour))
    return "\n".join([*parts, "</svg>", ""])


def _x(left: float, number: int, budgets: int) -> float:
    return left + 20 + (PANEL - 40) * number / max(1, budgets - 1)


def _y(quality: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * quality


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dash}/>'


def _text(x: float, y: float, text: str, colour: str = "#24292f", *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'
