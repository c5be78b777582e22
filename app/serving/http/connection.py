"""The Connection header of a request that gunicorn has parsed. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def asks_to_close(fields: Iterable[tuple[str, str]]) -> bool:
    """Tell whether `close` is among a request's connection options (RFC 9112, 9.6).

    `fields` are names, in upper case, and values. gunicorn considers only the first Connection
    field, and only if `close` is its whole value; Perl's LWP sends `TE, close`.

    Example: [("CONNECTION", "TE, Close")] -> True
    """
    return any(
        option.strip(" \t").lower() == "close"
        for name, value in fields
        if name == "CONNECTION"
        for option in value.split(",")
    )
