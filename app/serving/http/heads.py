"""A fast parser for the usual form of a request head. Pure.

Anything unusual or ambiguous is not parsed here, but left to gunicorn's parser. For what is parsed
here, both parsers give the same result, which a test verifies.

    POST /v1/responses HTTP/1.1      {"REQUEST_METHOD": "POST", "PATH_INFO": "/v1/responses",
    Host: localhost:8000              "HTTP_HOST": "localhost:8000",
    Content-Length: 36                "CONTENT_LENGTH": "36", ...}
"""

from __future__ import annotations

import re
from typing import NamedTuple

from app.serving.http.connection import HOST

#: Maximum bytes of a first line and of a field, and number of fields, as in gunicorn.conf.py: what
#: may be sent by POST may open a WebSocket, too.
MAX_LINE, MAX_FIELD, MAX_FIELDS = 8190, 17 * 1024, 100
#: Maximum bytes of a head: what deploy/nginx.d lets through.
MAX_HEAD = 80 * 1024

#: Method, target without percent-escapes, then fields without anything ambiguous: no underscore in
#: a name, only printable ASCII in a value. No part can match the same text in two ways, so that
#: matching takes linear time.
_HEAD = re.compile(
    r"(GET|POST|DELETE) (/[!$&->@-~]*(?:\?[!$-~]*)?) HTTP/1\.1\r\n"
    r"((?:[!#$%&'*+.^`|~0-9A-Za-z-]+:[\t -~]*\r\n)*)\r\n"
)
_FIELD = re.compile(r"([^:\r\n]+):[\t ]*([^\r\n]*)\r\n")
_DIGITS = re.compile(r"[0-9]{1,15}")
#: Fields that change the framing or the kind of connection, which gunicorn must handle. Upgrade is
#: not among them: that to WebSocket is handled below.
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
_METHODS = (b"GET /", b"POST /", b"DELETE /")
_NO_HOST = " "


class Head(NamedTuple):
    """A parsed request head: its part of the environ, and the body's length in bytes.

    If `upgrades`, it asks for a WebSocket, and no other request follows on the connection.
    """

    environ: dict[str, str]
    length: int
    closes: bool
    upgrades: bool = False


class _Keys(dict[str, str]):
    """Maps field names to environ keys; caches the first names seen."""

    def __missing__(self, name: str) -> str:
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        if len(self) < _KEPT_NAMES:
            self[name] = key
        return key


_keys = _Keys()


def is_begun(data: bytes) -> bool:
    """Tell whether this is an incomplete head, which may turn out to be in the usual form."""
    line, ends, _ = data.partition(b"\r\n")
    return (
        data != b""
        and any(data.startswith(each[: len(data)]) for each in _METHODS)
        and len(line) <= MAX_LINE
        and (not ends or line.endswith(b" HTTP/1.1"))
        and data.count(b"\n") == data.count(b"\r\n")
        and len(data) <= MAX_HEAD
        and b"\r\n\r\n" not in data
    )


def read(head: bytes) -> Head | None:
    """Parse a head that ends with its blank line; return None if it is not in the usual form."""
    if len(head) > MAX_HEAD or head.find(b"\r\n") > MAX_LINE:
        return None
    if len(head) > MAX_FIELD and not _fits(head.split(b"\r\n")):
        return None
    matched = _HEAD.fullmatch(head.decode("latin-1"))
    if matched is None:
        return None
    method, target, lines = matched.groups()
    fields = _FIELD.findall(lines)
    environ = {_keys[name]: value.rstrip("\t ") for name, value in fields}
    if len(environ) != len(fields) or len(fields) > MAX_FIELDS or not _SPECIAL.isdisjoint(environ):
        return None
    if HOST.fullmatch(environ.get("HTTP_HOST", _NO_HOST)) is None:
        return None
    length = environ.get("CONTENT_LENGTH", "0" if method != "POST" else "")
    connection = environ.get("HTTP_CONNECTION", "keep-alive").lower()
    if "HTTP_UPGRADE" in environ:
        return _websocket(method, target, environ, length, connection)
    if not _DIGITS.fullmatch(length) or connection not in ("keep-alive", "close", ""):
        return None
    _name_target(environ, method, target)
    return Head(environ, int(length), connection == "close")


def _fits(lines: list[bytes]) -> bool:
    """Tell whether a long head has neither too many fields nor one that is too long.

    Its lines are a first one, and two that are empty, besides the fields.
    """
    return len(lines) <= MAX_FIELDS + 3 and max(map(len, lines)) + 2 <= MAX_FIELD


def _websocket(
    method: str, target: str, environ: dict[str, str], length: str, connection: str
) -> Head | None:
    """Return the head of a WebSocket handshake (RFC 6455, 4.1); None if it is anything else."""
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
