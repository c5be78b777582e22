"""The head of a request as nearly everybody sends it. Pure.

Whatever is unusual, or could be read in two ways, is not read here: gunicorn's own parser judges
it. What is read here, that parser reads to the same effect; a test holds the two together.

    POST /v1/responses HTTP/1.1      {"REQUEST_METHOD": "POST", "PATH_INFO": "/v1/responses",
    Host: localhost:8000              "HTTP_HOST": "localhost:8000",
    Content-Length: 36                "CONTENT_LENGTH": "36", ...}
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: The longest head, and the most lines; gunicorn.conf.py allows no line longer than this.
MAX_HEAD, MAX_FIELDS = 8190, 100

#: A method with or without a body, a target without escapes, then lines without anything hidden:
#: no underscore in a name, nothing but printable ASCII in a value. No part of it can match the
#: same text in two ways, so that it takes linear time.
_HEAD = re.compile(
    r"(GET|POST|DELETE) (/[!$&->@-~]*(?:\?[!$-~]*)?) HTTP/1\.1\r\n"
    r"((?:[!#$%&'*+.^`|~0-9A-Za-z-]+:[\t -~]*\r\n)*)\r\n"
)
_FIELD = re.compile(r"([^:\r\n]+):[\t ]*([^\r\n]*)\r\n")
_DIGITS = re.compile(r"[0-9]{1,15}")
#: What changes how a message is framed, or what the connection is: gunicorn's to deal with. Of
#: upgrades only that to WebSocket is not (below).
_SPECIAL = frozenset(
    {
        "HTTP_TRANSFER_ENCODING",
        "HTTP_EXPECT",
        "HTTP_HTTP2_SETTINGS",
        "HTTP_X_FORWARDED_PROTOCOL",
        "HTTP_X_FORWARDED_SSL",
    }
)
_KEPT_NAMES = 256


class Head(NamedTuple):
    """A request's head: the environ that it makes, and how long its body is.

    `upgrades` says that it asks for a WebSocket, behind which no other request follows.
    """

    environ: dict[str, str]
    length: int
    closes: bool
    upgrades: bool = False


class _Keys(dict[str, str]):
    """The environ's key for each name of a field; the first ones seen are kept."""

    def __missing__(self, name: str) -> str:
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        if len(self) < _KEPT_NAMES:
            self[name] = key
        return key


_keys = _Keys()


def read(head: bytes) -> Head | None:
    """Return the head, which ends with its blank line, or None where it is not the usual."""
    matched = _HEAD.fullmatch(head.decode("latin-1")) if len(head) <= MAX_HEAD else None
    if matched is None:
        return None
    method, target, lines = matched.groups()
    fields = _FIELD.findall(lines)
    environ = {_keys[name]: value.rstrip("\t ") for name, value in fields}
    if len(environ) != len(fields) or len(fields) > MAX_FIELDS or not _SPECIAL.isdisjoint(environ):
        return None
    length = environ.get("CONTENT_LENGTH", "0" if method != "POST" else "")
    connection = environ.get("HTTP_CONNECTION", "keep-alive").lower()
    if "HTTP_UPGRADE" in environ:
        return _websocket(method, target, environ, length, connection)
    if not _DIGITS.fullmatch(length) or connection not in ("keep-alive", "close", ""):
        return None
    _name_target(environ, method, target)
    return Head(environ, int(length), connection == "close")


def _websocket(
    method: str, target: str, environ: dict[str, str], length: str, connection: str
) -> Head | None:
    """Return the head of a WebSocket's handshake (RFC 6455, 4.1); None where it is another."""
    options = [each.strip() for each in connection.split(",")]
    is_one = environ["HTTP_UPGRADE"].lower() == "websocket" and "upgrade" in options
    if not is_one or method != "GET" or length != "0" or "close" in options:
        return None
    _name_target(environ, method, target)
    return Head(environ, 0, closes=True, upgrades=True)


def _name_target(environ: dict[str, str], method: str, target: str) -> None:
    path, _, query = target.partition("?")
    environ["REQUEST_METHOD"], environ["RAW_URI"] = method, target
    environ["PATH_INFO"], environ["QUERY_STRING"] = path, query
