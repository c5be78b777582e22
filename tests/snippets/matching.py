"""Whether a program printed what its page shows, and what the page is to show otherwise.

What differs from run to run is not compared: ids, keys and secrets, instants, milliseconds and
long runs of base64. "…" on a page stands for any text within a line, a line of its own for any
lines. JSON is compared as values: `"…": "…"` in an object stands for its other keys, a last
`"…"` in an array for the elements behind.
"""

from __future__ import annotations

import json
import re
from typing import Any

ANY = "…"
_WIDTH = 100

_BASE64 = (re.compile(r"[A-Za-z0-9+/_-]{60,}={0,2}"), ANY)
_VARYING = (
    (re.compile(r"\bsk-rg-[\w.…-]+"), "sk-rg-…"),
    (re.compile(r"\bwhsec_[\w.…+/=-]+"), "whsec_…"),
    (re.compile(r"\b([a-z]{2,6})_(?:[0-9A-Za-z]{16,}(?:_\w+)?|[0-9A-Za-z]{8}…)"), r"\1_…"),
    (
        re.compile(r"\b20\d\d-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?"),
        ANY,
    ),
    (re.compile(r"\b1[789]\d{8}\b"), ANY),
    (re.compile(r"\b\d+(?:\.\d+)? ?ms\b"), f"{ANY} ms"),
    _BASE64,
)
#: What a page shows of keys, secrets, ids and base64.
_SHORTER = (
    (re.compile(r"\bsk-rg-\w{16,}"), "sk-rg-..."),
    (re.compile(r"\bwhsec_[\w+/=-]{16,}"), "whsec_..."),
    (re.compile(r"\b([a-z]{2,6}_[0-9A-Za-z]{8})[0-9A-Za-z]{8,}(?:_\w+)?"), rf"\1{ANY}"),
    _BASE64,
)


def matches(shown: str, printed: str, language: str) -> bool:
    """Tell whether what a page shows is what was printed, but for what varies."""
    if language == "json":
        try:
            return _json_matches(json.loads(shown), json.loads(printed))
        except json.JSONDecodeError:
            return False
    return _text_matches(_stripped(shown), _stripped(printed))


def rewritten(shown: str, printed: str, language: str) -> str:
    """Return what the page is to show: what was printed, without what the page leaves out."""
    if matches(shown, printed, language):
        return shown
    if language == "json":
        try:
            return laid_out(_refilled(_loaded(shown), json.loads(shortened(printed))))
        except json.JSONDecodeError:
            pass
    return shortened(_stripped(printed))


def language_of(printed: str) -> str:
    """Return how a page is to call an output that it does not show yet."""
    try:
        return "json" if isinstance(json.loads(printed), dict | list) else "text"
    except json.JSONDecodeError:
        return "text"


def laid_out(value: Any, indent: int = 0) -> str:
    """Return JSON for a reader: an object or array that fits into a line is one line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= _WIDTH or not isinstance(value, dict | list) or not value:
        return line
    inner, outer = " " * (indent + 2), " " * indent
    if isinstance(value, list):
        inside = [f"{inner}{laid_out(each, indent + 2)}" for each in value]
        return "[\n" + ",\n".join(inside) + f"\n{outer}]"
    inside = [
        f"{inner}{json.dumps(key)}: {laid_out(each, indent + 2)}" for key, each in value.items()
    ]
    return "{\n" + ",\n".join(inside).replace('"\\u2026"', f'"{ANY}"') + f"\n{outer}}}"


def shortened(text: str) -> str:
    """Return a text with the beginnings of its ids, and without its secrets and long base64."""
    for pattern, instead in _SHORTER:
        text = pattern.sub(instead, text)
    return text


def without_what_varies(text: str) -> str:
    """Return a text with "…" in the place of what differs from run to run."""
    for pattern, instead in _VARYING:
        text = pattern.sub(instead, text)
    return text


def _stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def _text_matches(shown: str, printed: str) -> bool:
    lines = [
        r"[^\n]*(?:\n[^\n]*)*?" if line.strip() == ANY else _line_pattern(line)
        for line in shown.splitlines()
    ]
    return re.fullmatch("\n".join(lines), without_what_varies(printed)) is not None


def _line_pattern(line: str) -> str:
    return r"[^\n]*?".join(map(re.escape, without_what_varies(line).split(ANY)))


def _json_matches(shown: Any, printed: Any) -> bool:
    match shown:
        case dict():
            if not isinstance(printed, dict):
                return False
            wanted = shown.keys() - {ANY}
            keys_match = wanted <= printed.keys() if ANY in shown else wanted == printed.keys()
            return keys_match and all(_json_matches(shown[key], printed[key]) for key in wanted)
        case [*first, last] if last == ANY:
            return (
                isinstance(printed, list)
                and len(printed) >= len(first)
                and all(map(_json_matches, first, printed))
            )
        case list():
            return (
                isinstance(printed, list)
                and len(shown) == len(printed)
                and all(map(_json_matches, shown, printed))
            )
        case str() if shown != ANY:
            return isinstance(printed, str) and _text_matches(shown, printed)
        case str():
            return True
        case _:
            return type(shown) is type(printed) and (
                shown == printed or without_what_varies(f"{shown} {printed}") == f"{ANY} {ANY}"
            )


def _loaded(shown: str) -> Any:
    try:
        return json.loads(shown)
    except json.JSONDecodeError:
        return None


def _refilled(shown: Any, printed: Any) -> Any:
    """Return what was printed, as far as `shown` goes."""
    match shown, printed:
        case dict(), dict() if ANY in shown:
            kept = {key: _refilled(shown[key], printed[key]) for key in shown if key in printed}
            return kept | {ANY: ANY}
        case dict(), dict():
            return {key: _refilled(shown.get(key), each) for key, each in printed.items()}
        case [*first, last], list() if last == ANY:
            return [*map(_refilled, first, printed), ANY]
        case list(), list():
            known = [*shown, *[None] * len(printed)]
            return [_refilled(old, each) for old, each in zip(known, printed, strict=False)]
        case _ if shown is not None and _json_matches(shown, printed):
            return shown
        case _:
            return printed
