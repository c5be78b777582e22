"""Readers of single values. Each raises ValueError with the expected form of the value.

Messages never repeat the raw value, which may be a misplaced secret.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeGuard
from urllib.parse import urlsplit

#: Reads one value.
Reader = Callable[[object], Any]

MAX_METADATA_KEYS = 16
#: Maximum number of days for which a response may be kept (C5).
MOST_RETENTION_DAYS = 365
MAX_METADATA_KEY = 64
#: Largest number that Redis' Lua counts exactly; as JSON has it for every client.
_MOST_WHOLE = 2**53
#: Longest time, 23 days: poll(2) counts milliseconds in 32 bits, and wraps around beyond.
MOST_S = 2_000_000
#: What the gateway appends to a base_url, by the format.
_ENDPOINTS = ("/chat/completions", "/responses", "/v1/messages")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_HOST_AND_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):([0-9]{1,5})")
#: An Origin header as browsers write it (RFC 6454, 6.2); extensions have schemes of their own.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[0-9]{1,5})?")
_UNIX = re.compile(r"unix:.+")
_SHORTEST_SECRET = 32
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_CREDENTIAL = re.compile(r"[\x21-\x7e]+")


def flag(raw: object) -> bool:
    """Read true or false."""
    if not isinstance(raw, bool):
        raise ValueError("must be true or false")
    return raw


def text(raw: object) -> str:
    """Read a non-empty string."""
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError("must be a string that is not empty")
    return raw


def texts(raw: object) -> tuple[str, ...]:
    """Read a list of non-empty strings."""
    if not isinstance(raw, list) or not all(isinstance(each, str) and each for each in raw):
        raise ValueError("must be a list of strings that are not empty")
    return tuple(raw)


def command(raw: object) -> tuple[str, ...]:
    """Read a program and its arguments: no shell splits a line."""
    if not isinstance(raw, list) or not raw or not all(isinstance(each, str) for each in raw):
        raise ValueError('must be a list of a program and its arguments, such as ["cat", "key"]')
    if not raw[0].strip() or any("\0" in each for each in raw):
        raise ValueError("must begin with a program")
    return tuple(raw)


def one_of(*choices: str) -> Reader:
    """Return a reader of one of these words."""

    def read(raw: object) -> str:
        if not isinstance(raw, str) or raw not in choices:
            raise ValueError(f"must be {_either(choices)}")
        return raw

    return read


def some_of(*choices: str, must_have: str | None = None) -> Reader:
    """Return a reader of a list of these words, each at most once; it sorts them in this order."""

    def read(raw: object) -> tuple[str, ...]:
        words = raw if isinstance(raw, list) else [None]
        if not words or any(each not in choices for each in words) or len({*words}) < len(words):
            raise ValueError(f"must be a list of {', '.join(choices)}, each at most once")
        if must_have is not None and must_have not in words:
            raise ValueError(f"must have {must_have} among them")
        return tuple(each for each in choices if each in words)

    return read


def whole(at_least: int) -> Reader:
    """Return a reader of integers."""

    def read(raw: object) -> int:
        if isinstance(raw, bool) or not isinstance(raw, int) or raw < at_least:
            raise ValueError(f"must be a whole number of at least {at_least}")
        if raw > _MOST_WHOLE:
            raise ValueError(f"must be at most {_MOST_WHOLE}")
        return raw

    return read


def days(raw: object) -> int:
    """Read a number of days for which data is kept: 0 to 365 (C5)."""
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw <= MOST_RETENTION_DAYS:
        raise ValueError(f"must be a whole number of days from 0 to {MOST_RETENTION_DAYS}")
    return raw


def decimal(most: int, what: str) -> Reader:
    """Return a reader of exact numbers from 0 to `most` with at most six decimals."""

    def read(raw: object) -> Decimal:
        # A float's shortest representation is what the file contains.
        amount = Decimal(str(raw)) if _is_number(raw) else Decimal(-1)
        if not 0 <= amount <= most or amount != round(amount, 6):
            raise ValueError(f"must be {what}: a number from 0 to {most}, with up to six decimals")
        return amount

    return read


def metadata_keys(raw: object) -> tuple[str, ...]:
    """Read a list of metadata keys."""
    keys = dict.fromkeys(texts(raw))
    if len(keys) > MAX_METADATA_KEYS or not all(
        len(key) <= MAX_METADATA_KEY and "," not in key for key in keys
    ):
        raise ValueError(
            f"must be a list of up to {MAX_METADATA_KEYS} keys, each of up to {MAX_METADATA_KEY} "
            "characters and without a comma"
        )
    return tuple(keys)


def origins(raw: object) -> tuple[str, ...]:
    """Read a list of web pages' origins, or "*" for all."""
    found = texts(raw)
    if found != ("*",) and not all(_ORIGIN.fullmatch(each) for each in found):
        raise ValueError(
            'must be ["*"] or a list of origins such as "https://app.example": scheme, host in '
            "small letters and port, without a path or a slash at the end"
        )
    return found


def anything(raw: object) -> object:
    """Accept any value: it is checked elsewhere."""
    return raw


def seconds(raw: object) -> float:
    """Read a time above 0."""
    if not _is_number(raw) or raw <= 0:
        raise ValueError("must be a number of seconds above 0")
    return _bounded(raw)


def seconds_or_none(raw: object) -> float:
    """Read a time that may be 0."""
    if not _is_number(raw) or raw < 0:
        raise ValueError("must be a number of seconds, 0 or more")
    return _bounded(raw)


def _bounded(seconds: int | float) -> float:
    if seconds > MOST_S:
        raise ValueError(f"must be at most {MOST_S} seconds, which are 23 days")
    return float(seconds)


def http_url(raw: object) -> str:
    """Read the address of an HTTP server; its query string is sent with every request."""
    try:
        url = urlsplit(text(raw))
        usable = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be an address that begins with http:// or https://")
    if url.username or url.password or url.fragment:
        raise ValueError("must be an address without a user or a fragment")
    return text(raw).strip()


def base_url(raw: object) -> str:
    """Read the address of a model server: that of its API, to which endpoints are appended."""
    url = http_url(raw)
    path = urlsplit(url).path.rstrip("/")
    endpoint = next(filter(path.endswith, _ENDPOINTS), None)
    if endpoint is not None:
        extra = endpoint.removeprefix("/v1")
        raise ValueError(f"must end before {extra}: the gateway appends that")
    return url


def proxy_url(raw: object) -> str:
    """Read the address of a proxy, which may have a user and a password."""
    try:
        url = urlsplit(text(raw).strip())
        usable = url.scheme == "http" and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable or url.path.strip("/") or url.query or url.fragment:
        raise ValueError("must be http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT")
    return text(raw).strip()


def credential(text: str) -> str | None:
    """Return the key in the text of a variable or a file, None if no header can carry it.

    Only spaces, tabs and line ends around it are removed: anything else belongs to it.
    """
    key = text.strip(" \t\r\n")
    return key if _CREDENTIAL.fullmatch(key) else None


def prefix(raw: object) -> str:
    """Read the prefix of Redis keys."""
    if "{" in text(raw) or "}" in text(raw):
        raise ValueError("must not hold braces: they choose a Cluster's slot")
    return text(raw)


def address(raw: object) -> str:
    """Read an address to listen at."""
    found = _HOST_AND_PORT.fullmatch(text(raw))
    if not _UNIX.fullmatch(text(raw)) and not (found and 0 < int(found[1]) < 1 << 16):
        raise ValueError("must be HOST:PORT or unix:PATH")
    return text(raw)


def host_and_port(raw: object) -> str:
    """Read a TCP address to listen at."""
    try:
        found = address(raw)
    except ValueError:
        found = "unix:"
    if found.startswith("unix:"):
        raise ValueError("must be HOST:PORT")
    return found


def sha256(raw: object) -> str:
    """Read a SHA-256 in hexadecimal."""
    if not isinstance(raw, str) or not _SHA256.fullmatch(raw):
        raise ValueError("must be a SHA-256: 64 hexadecimal digits")
    return raw.lower()


def secret(raw: object) -> str:
    """Read a secret that is long enough not to be guessed."""
    if not isinstance(raw, str) or len(raw) < _SHORTEST_SECRET:
        raise ValueError(f"must have at least {_SHORTEST_SECRET} characters: openssl rand -hex 32")
    return raw


def http_headers(raw: object) -> dict[str, str]:
    """Read a table of HTTP headers."""
    if not isinstance(raw, dict) or not all(isinstance(value, str) for value in raw.values()):
        raise ValueError("must be a table of strings")
    if not all(_HEADER_NAME.fullmatch(name) for name in raw):
        raise ValueError("must have names that HTTP allows")
    if not all(_HEADER_VALUE.fullmatch(value) for value in raw.values()):
        raise ValueError("must have values that HTTP allows, without line breaks")
    return dict(raw)


def quirks(raw: object) -> dict[str, bool | int | str]:
    """Read a table of quirk flags; the provider knows their names."""
    if not isinstance(raw, dict) or not all(isinstance(v, bool | int | str) for v in raw.values()):
        raise ValueError("must be a table of flags, numbers and words")
    return dict(raw)


def _is_number(raw: object) -> TypeGuard[int | float]:
    return isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw)


def _either(choices: list[str] | tuple[str, ...]) -> str:
    return ", ".join(choices[:-1]) + " or " + choices[-1]
