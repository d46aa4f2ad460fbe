"""The results as a picture: a dot for each trial, on a line for each fault. Plain SVG."""

from html import escape
from math import log10

from tests.bench.outage.faults import Fault, goal
from tests.bench.outage.results import Row

WIDTH, LEFT, RIGHT, TOP, ROW = 860, 310, 20, 50, 44
LOWEST, HIGHEST = 0.001, 100.0
"""Seconds: the ends of the logarithmic axis."""
MOVES, GAPS, GOAL = "#1f6feb", "#bc4c00", "#cf222e"
STYLE = "font-family:sans-serif;font-size:12px;fill:#57606a"


def across(seconds: float) -> float:
    """The position of a time on the axis."""
    within = min(HIGHEST, max(LOWEST, seconds))
    share = log10(within / LOWEST) / log10(HIGHEST / LOWEST)
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def draw(results: dict[Fault, list[Row]]) -> str:
    """An SVG document. Above each line: until another MAC announces; below: the longest gap."""
    height = TOP + ROW * len(results) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" style="{STYLE}">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        _legend(),
        *_axis(height),
    ]
    for at, (fault, rows) in enumerate(results.items()):
        parts += _line(fault, rows, TOP + ROW * at + ROW // 2)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend() -> str:
    return (
        f'<text x="10" y="18"><tspan fill="{MOVES}">●</tspan> until another MAC announces  '
        f'<tspan fill="{GAPS}">●</tspan> longest gap between answers  '
        f'<tspan fill="{GOAL}">|</tspan> goal at most; seconds, logarithmic</text>'
    )


def _axis(height: int) -> list[str]:
    parts = []
    for seconds in (0.001, 0.01, 0.1, 1, 10, 100):
        x = across(seconds)
        parts += [
            f'<line x1="{x}" y1="{TOP - 6}" x2="{x}" y2="{height - 8}" stroke="#d0d7de"/>',
            f'<text x="{x}" y="{TOP - 12}" text-anchor="middle">{seconds:g}</text>',
        ]
    return parts


def _line(fault: Fault, rows: list[Row], y: int) -> list[str]:
    figures = [row.figures for row in rows if row.figures is not None]
    promised = goal(fault)
    parts = [f'<text x="10" y="{y + 4}">{escape(fault.words)}</text>', _goal(promised.moved, y - 8)]
    if promised.gap is not None:
        parts.append(_goal(promised.gap, y + 8))
    if not figures:
        return [*parts, f'<text x="{LEFT + 10}" y="{y + 4}">not measured yet</text>']
    parts += [_dot(each.moved, y - 8, MOVES) for each in figures if each.moved is not None]
    parts += [_dot(each.gap, y + 8, GAPS) for each in figures]
    return parts


def _dot(seconds: float, y: int, colour: str) -> str:
    return f'<circle cx="{across(seconds)}" cy="{y}" r="3" fill="{colour}" fill-opacity="0.5"/>'


def _goal(seconds: float, y: int) -> str:
    x = across(seconds)
    return f'<line x1="{x}" y1="{y - 7}" x2="{x}" y2="{y + 7}" stroke="{GOAL}" stroke-width="2"/>'
