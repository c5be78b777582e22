"""Mermaid's plainest diagrams as SVG: `graph TD`, names, and arrows between them without circles.

Mermaid itself is three megabytes of script that a page would have to run. The boxes stand in rows,
each below all that point to it, and near what they are connected with.
"""

from __future__ import annotations

import re
from collections import defaultdict
from html import escape
from itertools import pairwise

_EDGE = re.compile(r"^\s*(\w+) --> (\w+)$")
_NAME = re.compile(r"^\s*(\w+)$")
_LETTER, _PADDING, _HEIGHT, _GAP, _STEP = 8.2, 12, 30, 22, 70
_PASSES = 8

Edges = list[tuple[str, str]]


def svg(text: str) -> str | None:
    """Return the drawing, or None where the diagram is of another kind."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or lines[0].strip() != "graph TD":
        return None
    names, edges = dict[str, None](), Edges()
    for line in lines[1:]:
        if match := _EDGE.match(line):
            edges.append((match[1], match[2]))
            names |= dict.fromkeys(match.groups())
        elif match := _NAME.match(line):
            names[match[1]] = None
        else:
            return None
    return _drawn(*_routed(_ranks(list(names), edges), edges))


def _ranks(names: list[str], edges: Edges) -> dict[str, int]:
    """Return the row of each name: below every other that points to it."""
    ranks = dict.fromkeys(names, 0)
    for _ in names:
        for above, below in edges:
            ranks[below] = max(ranks[below], ranks[above] + 1)
    return ranks


def _routed(ranks: dict[str, int], edges: Edges) -> tuple[list[list[str]], list[list[str]]]:
    """Return the rows, and each edge as the places that it goes through: one in every row.

    A place between is named by its edge, with a space, as no box is.
    """
    rows: list[list[str]] = [[] for _ in range(max(ranks.values(), default=0) + 1)]
    for name, rank in ranks.items():
        rows[rank].append(name)
    paths = []
    for above, below in edges:
        between = [f"{above} {below} {rank}" for rank in range(ranks[above] + 1, ranks[below])]
        for offset, place in enumerate(between, start=ranks[above] + 1):
            rows[offset].append(place)
        paths.append([above, *between, below])
    _sort(rows, paths)
    return rows, paths


def _sort(rows: list[list[str]], paths: list[list[str]]) -> None:
    """Put each place near the middle of those that it is connected with."""
    near = defaultdict[str, list[str]](list)
    for path in paths:
        for above, below in pairwise(path):
            near[above].append(below)
            near[below].append(above)
    for number in range(_PASSES):
        for row in rows if number % 2 == 0 else reversed(rows):
            at = {name: (n + 0.5) / len(each) for each in rows for n, name in enumerate(each)}
            middle = {
                name: sum(at[each] for each in near[name]) / len(near[name])
                if near[name]
                else at[name]
                for name in row
            }
            row.sort(key=lambda name: (middle[name], name))


def _drawn(rows: list[list[str]], paths: list[list[str]]) -> str:
    widths = {name: _width(name) for row in rows for name in row}
    lengths = [sum(widths[each] for each in row) + _GAP * (len(row) - 1) for row in rows]
    whole = max(lengths, default=0)
    middle, boxes = dict[str, tuple[float, float]](), []
    for number, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        x, y = (whole - length) / 2, number * _STEP + 1.0
        for name in row:
            middle[name] = (x + widths[name] / 2, y)
            if " " not in name:
                boxes.append(_box(name, x, y, widths[name]))
            x += widths[name] + _GAP
    lines = [_line([middle[each] for each in path], path) for path in paths]
    height = (len(rows) - 1) * _STEP + _HEIGHT + 2
    words = "; ".join(f"{path[0]} to {path[-1]}" for path in paths)
    return (
        f'<svg class="diagram" role="img" aria-label="{escape(words)}" '
        f'viewBox="-1 0 {whole + 2:.0f} {height:.0f}" width="{whole + 2:.0f}">'
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="currentColor"/></marker>'
        f"</defs>{''.join(lines)}{''.join(boxes)}</svg>"
    )


def _width(name: str) -> float:
    return 2.0 if " " in name else len(name) * _LETTER + 2 * _PADDING


def _box(name: str, x: float, y: float, width: float) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_HEIGHT}" rx="5"/>'
        f'<text x="{x + width / 2:.1f}" y="{y + 20:.1f}">{escape(name)}</text>'
    )


def _line(points: list[tuple[float, float]], path: list[str]) -> str:
    x, y = points[0]
    drawn = [f"M{x:.1f} {y + _HEIGHT:.1f}"]
    y += _HEIGHT
    for (to_x, to_y), name in zip(points[1:], path[1:], strict=True):
        half = (y + to_y) / 2
        drawn.append(f"C{x:.1f} {half:.1f} {to_x:.1f} {half:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
        if " " in name:
            y += _HEIGHT
            drawn.append(f"V{y:.1f}")
    return f'<path d="{" ".join(drawn)}" marker-end="url(#arrow)"/>'
