"""The README's chart: a bar for the gateway above one for the floor, and one for a peer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bench.rows import microseconds

Medians = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of one of GitHub's themes."""

    paper: str
    edge: str
    ink: str
    faint: str
    gateway: str
    floor: str
    peer: str


#: By the suffix of the chart's file name.
THEMES = {
    "light": Theme("#ffffff", "#d1d9e0", "#1f2328", "#59636e", "#0969da", "#8c959f", "#bc4c00"),
    "dark": Theme("#0d1117", "#3d444d", "#f0f6fc", "#9198a1", "#4493f8", "#656c76", "#db6d28"),
}

#: What is compared: title, subtitle, the figure of gateway and floor, and that of the peer.
_COMPARED = (
    ("Whole request, small", "validated, answered, stored", "whole.small", "peers.small.litellm"),
    ("Whole request, large", "20 items and 5 tools, stored", "whole.large", ""),
    ("Streamed event, paced", "50 streams, 20 events a second each", "paced", ""),
    ("Streamed event, all at once", "2,000 events in each stream", "burst", "peers.burst.litellm"),
)
_WIDTH, _EDGE, _LEFT, _VALUES = 860, 24, 270, 190
_TOP, _BAR, _STEP, _GAP, _FOOT = 100, 16, 21, 20, 38
#: Maximum length of a bar; a longer one is drawn broken.
_LENGTH = _WIDTH - _LEFT - _VALUES
_NOTE = "The pass-through is one Flask view with requests: no keys, no validation, nothing stored."
#: Ratio to the longer of the first two bars at which a bar is broken: else these would be dots.
_BROKEN = 3.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One server's cost in microseconds; `share` is relative to the floor, if that was measured."""

    who: str
    us: float
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """The bars of one kind of load."""

    title: str
    below: str
    bars: tuple[Bar, ...]

    @property
    def height(self) -> int:
        """Its height in the chart."""
        return max(2, len(self.bars)) * _STEP + _GAP


def draw(medians: Medians, caption: str, theme: Theme) -> str:
    """Return the chart as SVG."""
    groups = list(_groups(medians))
    height = _TOP + sum(group.height for group in groups) + _FOOT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-size="13" fill="{theme.ink}" role="img" '
        "font-family=\"-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif\">",
        "<title>CPU for a request and for a streamed event, by server</title>",
        f'<rect x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="8" '
        f'fill="{theme.paper}" stroke="{theme.edge}"/>',
        *_head(theme, has_peer=any(len(group.bars) > 2 for group in groups)),
    ]
    top = _TOP
    for group in groups:
        lines += _group(top, group, theme)
        top += group.height
    lines += [_text(_EDGE, height - 18, caption, theme.faint, 'font-size="12"'), "</svg>", ""]
    return "\n".join(lines)


def _groups(medians: Medians) -> Iterator[Group]:
    for title, below, figure, peer in _COMPARED:
        if f"{figure}.gateway" not in medians:
            continue
        bars = [
            Bar("gateway", medians[f"{figure}.gateway"], medians[f"{figure}.ratio"]),
            Bar("floor", medians[f"{figure}.floor"]),
        ]
        if peer in medians:
            bars.append(Bar("peer", medians[peer]))
        yield Group(title, below, tuple(bars))


def _head(theme: Theme, *, has_peer: bool) -> Iterator[str]:
    bold = 'font-size="17" font-weight="600"'
    yield _text(_EDGE, 34, "CPU for a request and for a streamed event", theme.ink, bold)
    series = [("this gateway", theme.gateway), ("naive pass-through", theme.floor)]
    series += [("LiteLLM's proxy", theme.peer)] if has_peer else []
    left = float(_EDGE)
    for name, colour in series:
        yield f'<rect x="{left}" y="51" width="12" height="12" rx="2" fill="{colour}"/>'
        yield _text(left + 18, 62, name, theme.ink)
        left += 42 + 6.8 * len(name)
    yield _text(left, 62, "Shorter is better.", theme.faint)
    note = _NOTE + (" Nor does LiteLLM store anything here." if has_peer else "")
    yield _text(_EDGE, 82, note, theme.faint, 'font-size="12"')


def _group(top: int, group: Group, theme: Theme) -> Iterator[str]:
    yield _text(_EDGE, top + 13, group.title, theme.ink, 'font-weight="600"')
    yield _text(_EDGE, top + 31, group.below, theme.faint, 'font-size="12"')
    pair_us = max(bar.us for bar in group.bars[:2])
    full_us = min(max(bar.us for bar in group.bars), _BROKEN * pair_us)
    for number, bar in enumerate(group.bars):
        yield from _bar(top + number * _STEP, bar, full_us, theme)


def _bar(top: int, bar: Bar, full_us: float, theme: Theme) -> Iterator[str]:
    length = _LENGTH * min(1.0, bar.us / full_us)
    yield (
        f'<rect x="{_LEFT}" y="{top}" width="{length:.1f}" height="{_BAR}" rx="2" '
        f'fill="{getattr(theme, bar.who)}"/>'
    )
    if bar.us > full_us:
        middle = _LEFT + length * 0.85
        yield (
            f'<path d="M{middle:.1f} {top + _BAR + 3} l8 -{_BAR + 6} m6 0 l-8 {_BAR + 6}" '
            f'fill="none" stroke="{theme.paper}" stroke-width="3"/>'
        )
    share = "" if bar.share is None else f" (ratio {bar.share:.2f})"
    yield _text(_LEFT + length + 8, top + 13, microseconds(bar.us) + share, theme.ink)


def _text(left: float, top: int, text: str, colour: str, more: str = "") -> str:
    return f'<text x="{left:.1f}" y="{top}" fill="{colour}" {more}>{escape(text)}</text>'
