"""CORS: what a browser asks before a page of another origin may read an answer (N9).

The rules are the Fetch standard's (https://fetch.spec.whatwg.org/#http-cors-protocol). A key comes
in a header that a page sets itself, never in a cookie: so no answer allows credentials, and any
header that a page would send is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from flask import Flask

from app.api import context
from app.api.http.response import WSGIResponse
from app.schemas.docs.headers import HEADERS

ANY = "*"
#: What a page may read of an answer, beside what every page may.
EXPOSED = ", ".join(HEADERS)
#: For the platform alone: no page reads them, whoever has opened it, and from where.
_NOT_FOR_PAGES = frozenset({"/metrics", "/readyz"})
#: For how many seconds a browser need not ask again: no browser keeps it for longer than a day.
_KEPT_S = 86_400
_NAMES = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?: *, *[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")


class CrossOrigin:
    """Has an app's answers say which pages may read them; an origin is allowed as it is spelled."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origins)

    def register(self, app: Flask) -> None:
        """Have every answer of the app say so, errors and streams too.

        What is registered earlier sees a preflight's answer in place of what the path says to the
        method OPTIONS.
        """
        app.after_request(self._allow)

    def _allow(self, answer: WSGIResponse) -> WSGIResponse:
        current = context.current()
        environ = current.environ
        if environ["PATH_INFO"] in _NOT_FOR_PAGES:
            return answer
        origin = self._allowed(environ.get("HTTP_ORIGIN"))
        if origin is not None and _is_preflight(environ):
            current.trace.error_code = None  # of the path, which was not asked
            answer = _preflight(environ)
        if origin is not None:
            answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Access-Control-Expose-Headers"] = EXPOSED
        if ANY not in self._origins:  # caches: another origin's answer is another
            answer.headers["Vary"] = "Origin"
        return answer

    def _allowed(self, origin: str | None) -> str | None:
        """Return the origin that an answer allows, None where it allows none."""
        if origin is None:
            return None
        if ANY in self._origins:
            return ANY
        return origin if origin in self._origins else None


def _is_preflight(environ: dict[str, Any]) -> bool:
    names_a_method = "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
    return names_a_method and environ["REQUEST_METHOD"] == "OPTIONS"


def _preflight(environ: dict[str, Any]) -> WSGIResponse:
    """Return the answer to a preflight, whatever the path.

    Where there is none, the request that follows says so in words that a page can read.
    """
    answer = WSGIResponse(b"", 204, content_type="")
    answer.headers = {
        "Access-Control-Allow-Methods": "GET, HEAD, POST, DELETE",
        "Access-Control-Max-Age": str(_KEPT_S),
    }
    wanted = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    if _NAMES.fullmatch(wanted):
        answer.headers["Access-Control-Allow-Headers"] = wanted
    return answer
