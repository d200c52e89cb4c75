"""Writes the elements of the drawings in a report as SVG."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from html import escape

INK, FAINT, BLUE, GREY, GREEN, RED = "#24292f", "#57606a", "#0969da", "#6e7781", "#1a7f37", "#cf222e"
AMBER, PURPLE = "#9a6700", "#8250df"
#: The colour of grid lines.
GRID = "#eaeef2"
#: The fonts of a drawing's text, and of text in columns.
SANS, MONO = "system-ui, sans-serif", "ui-monospace, Menlo, monospace"

#: Characters that XML forbids. A model may have written them.
_FORBIDDEN = re.compile(r"[^\t\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def data_uri(svg: str) -> str:
    """Return a drawing as an image for Markdown. The Prefect UI draws such an image, and removes inline SVG."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def drawing(width: int, height: int, elements: list[str], *, font: str = SANS) -> str:
    """Return a whole drawing of these elements on white."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="{font}" font-size="12">'
    )
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="#ffffff"/>', *elements, "</svg>"])


def line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashed: bool = False, width: int = 1) -> str:
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"{dash}/>'


def score_grid(left: float, right: float, y: Callable[[float], float]) -> list[str]:
    """Return lines for the scores from 0 to 10, with a number at the left of each. `y` returns a score's coordinate."""
    parts = []
    for score in range(0, 11, 2):
        parts.append(line(left, y(score), right, y(score), GRID))
        parts.append(text(left - 8, y(score) + 4, str(score), FAINT, anchor="end"))
    return parts


def curve(points: list[tuple[float, float]], colour: str) -> str:
    listed = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{listed}" fill="none" stroke="{colour}" stroke-width="2"/>'


def dot(x: float, y: float, radius: float, colour: str, *, opacity: float = 1.0, title: str = "") -> str:
    """Return a dot. A browser shows its title when the pointer is on it."""
    label = f"<title>{_clean(title)}</title>" if title else ""
    place = f'cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"'
    return f'<circle {place} fill="{colour}" fill-opacity="{opacity:g}">{label}</circle>'


def box(x: float, y: float, width: float, height: float, colour: str, *, title: str = "") -> str:
    """Return a filled box with round corners. A browser shows its title when the pointer is on it."""
    label = f"<title>{_clean(title)}</title>" if title else ""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="3"'
    return f'<rect {place} fill="{colour}">{label}</rect>'


def band(points: list[tuple[float, float, float]], colour: str) -> str:
    """Return an area between two lines. Each point is (x, y of one line, y of the other line)."""
    ends = [(x, first) for x, first, _ in points] + [(x, second) for x, _, second in reversed(points)]
    listed = " ".join(f"{x:.1f},{y:.1f}" for x, y in ends)
    return f'<polygon points="{listed}" fill="{colour}" fill-opacity="0.14"/>'


def text(x: float, y: float, content: str, colour: str, *, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    place = f'x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}"{weight}'
    return f'<text {place} xml:space="preserve">{_clean(content)}</text>'


def _clean(content: str) -> str:
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", content))
