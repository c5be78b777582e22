"""Static files, found only by their path in a folder."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from app.api import context
from app.api.http.response import WSGIResponse

#: Content-Security-Policy of the gateway's pages: nothing from other origins, no inline script.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'self'; "
    "frame-ancestors 'none'"
)
#: Default headers of every file.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: Media types by file extension.
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
#: Any other file is sent as text, so that a browser never runs it.
_TEXT = "text/plain; charset=utf-8"
#: A URL with a digest in its query never changes its content; others are revalidated.
_FOR_GOOD, _ASK = "public, max-age=31536000, immutable", "no-cache"
_LEAST_PACKED = 1024


class StaticFile:
    """A file as it is served. `read` returns its bytes, which must not change."""

    def __init__(self, read: Callable[[], bytes], content_type: str) -> None:
        self.read = read
        self._content_type = content_type

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(self.read()).hexdigest()[:32]

    @cached_property
    def _packed(self) -> bytes | None:
        body = self.read()
        return gzip.compress(body, mtime=0) if len(body) >= _LEAST_PACKED else None

    def response(self, headers: Mapping[str, str]) -> WSGIResponse:
        """Return the file with these headers, or 304 if the caller has it (RFC 9110, 13.1.2).

        Its ETag is weak (8.8.3), since the compressed form has the same one.
        """
        request, kind = context.request(), self._content_type
        headers = {
            **headers,
            "ETag": f'W/"{self._digest}"',
            "Cache-Control": _FOR_GOOD if "v" in request.args else _ASK,
            "Vary": "Accept-Encoding",
        }
        if request.if_none_match.contains_weak(self._digest):
            return _not_modified(headers, kind)
        if request.accept_encodings["gzip"] and self._packed is not None:
            headers["Content-Encoding"] = "gzip"
            return WSGIResponse(self._packed, 200, headers, content_type=kind)
        return WSGIResponse(self.read(), 200, headers, content_type=kind)


class StaticFiles:
    """The files of an installed folder, which do not change while the gateway runs.

    `headers` are sent with each of them.
    """

    def __init__(self, folder: Path, headers: Mapping[str, str] = HEADERS) -> None:
        self._folder = folder
        self._headers = headers

    def __contains__(self, name: str) -> bool:
        return name in self._files

    @cached_property
    def _files(self) -> dict[str, StaticFile]:
        return {
            path.relative_to(self._folder).as_posix(): StaticFile(
                path.read_bytes, TYPES.get(path.suffix, _TEXT)
            )
            for path in self._folder.rglob("*")
            if path.is_file()
        }

    def response(self, name: str) -> WSGIResponse:
        """Return a file, or 304 if the caller has it.

        Raises:
            KeyError: there is no file of this name.
        """
        return self._files[name].response(self._headers)

    def page(self, name: str, status: int, base: str) -> WSGIResponse:
        """Return a page at a URL other than its own: its relative links start from `base`.

        Raises:
            KeyError: there is no file of this name.
        """
        text = self._files[name].read()
        text = text.replace(b"<head>", f'<head><base href="{base}">'.encode(), 1)
        headers = {**self._headers, "Cache-Control": "no-store", "Vary": "Accept-Encoding"}
        return WSGIResponse(text, status, headers, content_type=TYPES[".html"])


def _not_modified(headers: dict[str, str], content_type: str) -> WSGIResponse:
    """Return a 304 with the file's own headers."""
    response = WSGIResponse(b"", 304, headers, content_type=content_type)
    del response.headers["Content-Length"]  # it would have to be the file's (RFC 9110, 8.6)
    return response
