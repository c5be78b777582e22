"""CORS: what a browser checks before a page of another origin may read a response (N9).

The rules are those of the Fetch standard (https://fetch.spec.whatwg.org/#http-cors-protocol). Keys
come in a header that the page sets, never in a cookie: so credentials are never allowed, and every
request header is.
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
#: Response headers that a page may read, besides those that every page may.
EXPOSED = ", ".join(HEADERS)
#: Paths for the platform only: no page of another origin may read them.
_NOT_FOR_PAGES = frozenset({"/metrics", "/readyz"})
#: Lifetime of a preflight's result in the browser's cache, in seconds: browsers cap it at a day.
_KEPT_S = 86_400
_NAMES = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?: *, *[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")


class CrossOrigin:
    """Adds CORS headers to an app's responses; origins are compared as they are spelled."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origins)

    def register(self, app: Flask) -> None:
        """Add the headers to every response of the app, errors and streams included.

        Hooks that were registered earlier see the preflight's response in place of the path's own
        response to OPTIONS.
        """
        app.after_request(self._allow)

    def _allow(self, answer: WSGIResponse) -> WSGIResponse:
        current = context.current()
        environ = current.environ
        if environ["PATH_INFO"] in _NOT_FOR_PAGES:
            return answer
        origin = self._allowed(environ.get("HTTP_ORIGIN"))
        if origin is not None and _is_preflight(environ):
            current.trace.error_code = None  # the path's error; a preflight does not concern it
            answer = _preflight(environ)
        if origin is not None:
            answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Access-Control-Expose-Headers"] = EXPOSED
        if ANY not in self._origins:  # caches must keep the origins' responses apart
            others = answer.headers.get("Vary")
            answer.headers["Vary"] = f"{others}, Origin" if others else "Origin"
        return answer

    def _allowed(self, origin: str | None) -> str | None:
        """Return the value of Access-Control-Allow-Origin, None if the origin is not allowed."""
        if origin is None:
            return None
        if ANY in self._origins:
            return ANY
        return origin if origin in self._origins else None


def _is_preflight(environ: dict[str, Any]) -> bool:
    names_a_method = "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
    return names_a_method and environ["REQUEST_METHOD"] == "OPTIONS"


def _preflight(environ: dict[str, Any]) -> WSGIResponse:
    """Return the response to a preflight, whatever the path.

    If the path does not exist, the request that follows gets an error that the page can read.
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
