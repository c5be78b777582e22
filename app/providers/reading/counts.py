"""Read token counts under the various names that servers use, for every format. Pure.

    {"prompt_tokens": 9, "completion_tokens": 2}  ->  Usage(input_tokens=9, output_tokens=2)
    {"input_tokens": 9, "output_tokens": "2"}     ->  the same

A count is an integer from 0 to MOST_TOKENS, also one written as 12.0 or "12"; anything else is 0
(U18). A count never decreases during an answer: some relays repeat it as 0.
"""

from __future__ import annotations

from typing import Any

from app.domain.response import Usage
from app.domain.stream.deltas import Delta, Used
from app.providers.reading.fields import Note, ignore

MOST_TOKENS = 10**9

_DETAILS = frozenset(
    {
        "prompt_tokens_details",
        "completion_tokens_details",
        "input_tokens_details",
        "output_tokens_details",
        "cache_creation",
    }
)
#: Our name of a count: the servers' names. The same names apply inside details.
_NAMES = {
    "input": ("prompt_tokens", "input_tokens"),
    "output": ("completion_tokens", "output_tokens"),
    "total": ("total_tokens",),
    "cached": ("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"),
    "written": ("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens"),
    "written_1h": ("ephemeral_1h_input_tokens",),
    "reasoning": ("reasoning_tokens", "thinking_tokens"),
}
#: A server's name of a count: ours.
_OURS = {theirs: ours for ours, names in _NAMES.items() for theirs in names}


def whole_number(value: object) -> int | None:
    """Return the value as a count, None if it is not one."""
    if isinstance(value, str) and len(value) <= len(str(MOST_TOKENS)) and value.isascii():
        value = int(value) if value.isdigit() else None
    elif isinstance(value, float):
        value = int(value) if value.is_integer() else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= MOST_TOKENS else None


class Counts:
    """The counts of one answer so far.

    `cache_is_apart` says that `input_tokens` excludes cached tokens, as Anthropic's does;
    `total_has_thoughts` that the output count excludes reasoning tokens, as Google's does.
    """

    __slots__ = ("_cache_is_apart", "_inclusive", "_most", "_most_apart", "_total_has_thoughts")

    def __init__(self, *, cache_is_apart: bool = False, total_has_thoughts: bool = False) -> None:
        self._cache_is_apart = cache_is_apart
        self._total_has_thoughts = total_has_thoughts
        self._inclusive = False
        self._most: dict[str, int] = {}
        self._most_apart = 0

    @property
    def output_tokens(self) -> int:
        """The output tokens so far, as the server counts them."""
        return self._most.get("output", 0)

    def read(self, given: object, note: Note = ignore) -> Usage | None:
        """Add a usage object; return all counts so far, None if it contains none.

        A value that is not a count where one is expected is noted, and so is an object without any.
        """
        counts: dict[str, Any] = given if isinstance(given, dict) else {}
        most, has_counts, parts, left = self._most, False, [counts], list[object]()
        for part in parts:  # details found in the first are appended
            for name, value in part.items():
                ours = _OURS.get(name)
                if ours is None:
                    if name in _DETAILS and part is counts:
                        (parts if isinstance(value, dict) else left).append(value)
                    continue
                if type(value) is not int or not 0 <= value <= MOST_TOKENS:
                    number = whole_number(value)
                    if number is None:
                        left.append(value)
                        continue
                    value = number
                has_counts = True
                if value >= most.get(ours, 0):
                    most[ours] = value
        is_without = not has_counts and _OURS.keys().isdisjoint(counts)
        if is_without or left.count(None) < len(left):
            note("usage")
        if is_without:
            return None
        self._inclusive = self._inclusive or "prompt_tokens" in counts
        return self._usage()

    def deltas_of(self, counts: object, note: Note) -> list[Delta]:
        """Return the deltas for a usage object: one, or none if it is empty or unreadable."""
        if not counts:
            return []
        known = self.read(counts, note)
        return [] if known is None else [Used(known)]

    def _usage(self) -> Usage:
        most = self._most.get
        cached, written = most("cached", 0), most("written", 0)
        given = most("input", 0)
        if cached or written:
            if self._cache_is_apart and not self._inclusive:
                given = min(given + cached + written, MOST_TOKENS)
            # Cached tokens are a part of the input, whatever the server reports.
            cached = min(cached, given)
            written = min(written, given - cached)
        output, reasoning = most("output"), most("reasoning", 0)
        rest = max(0, most("total", 0) - given - (output or 0))
        is_apart = bool(reasoning) and rest == reasoning  # not in the output count: xAI's
        if output is None or is_apart or self._total_has_thoughts:
            output = (output or 0) + rest
        if reasoning > output:  # nor in any total: Perplexity's
            self._most_apart = min(output + reasoning, MOST_TOKENS)
        output = max(output, self._most_apart)  # it may exceed the reasoning later
        written_1h = min(most("written_1h", 0), written) if written else 0
        return Usage(given, output, cached, written, reasoning, written_1h)
