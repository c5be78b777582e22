"""The README's picture: a bar for the gateway beside one for the floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

_PAIRS = (
    ("A whole request, validated and stored", "whole.small"),
    ("A whole request, 20 items + 5 tools", "whole.large"),
    ("A streamed event, paced", "events.paced"),
    ("A streamed event, all at once", "events.burst"),
)
_WIDTH, _BAR, _GAP, _LEFT = 760, 18, 14, 300
_INK, _OURS, _THEIRS = "#24292f", "#2f6feb", "#afb8c1"


def draw(measured: Mapping[str, float], file: Path) -> None:
    """Write the picture. Bars are as long as their share of the larger of their pair."""
    groups = [
        (label, measured[f"{key}.gateway"], measured[f"{key}.floor"])
        for label, key in _PAIRS
        if f"{key}.floor" in measured
    ]
    height = 40 + len(groups) * (2 * _BAR + _GAP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="{_INK}">',
        f'<rect width="{_WIDTH}" height="{height}" rx="6" fill="#ffffff"/>',
        f'<text x="16" y="24" font-weight="600">CPU: the gateway</text>'
        f'<rect x="124" y="14" width="12" height="12" rx="2" fill="{_OURS}"/>'
        f'<text x="148" y="24">beside a naive pass-through that stores nothing</text>'
        f'<rect x="440" y="14" width="12" height="12" rx="2" fill="{_THEIRS}"/>',
    ]
    for number, (label, ours, theirs) in enumerate(groups):
        lines += _group(36 + number * (2 * _BAR + _GAP), label, ours, theirs)
    file.write_text("\n".join([*lines, "</svg>", ""]))


def _group(top: int, label: str, ours: float, theirs: float) -> Sequence[str]:
    longest = max(ours, theirs)
    return [
        f'<text x="16" y="{top + _BAR + 4}">{escape(label)}</text>',
        *_bar(top, ours, longest, _OURS),
        *_bar(top + _BAR, theirs, longest, _THEIRS),
    ]


def _bar(top: int, value: float, longest: float, colour: str) -> Sequence[str]:
    length = (_WIDTH - _LEFT - 90) * value / longest
    shown = f"{value:.0f} µs" if value >= 20 else f"{value:.1f} µs"
    return [
        f'<rect x="{_LEFT}" y="{top}" width="{length:.1f}" height="{_BAR - 2}" rx="2" '
        f'fill="{colour}"/>',
        f'<text x="{_LEFT + length + 8:.1f}" y="{top + _BAR - 5}">{shown}</text>',
    ]
