"""Files that are served as they are: found by their path in a folder, and by nothing else."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from app.api import context
from app.api.http.response import WSGIResponse

#: What a page of ours may load and do: nothing from elsewhere, and no script that stands in it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'self'; "
    "frame-ancestors 'none'"
)
#: What goes with every file of ours, unless it has its own.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: The media types of files, by the end of their names.
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
#: Anything else is shown, never run.
_TEXT = "text/plain; charset=utf-8"
#: An address with a digest in its query names these bytes for good; others are asked about again.
_FOR_GOOD, _ASK = "public, max-age=31536000, immutable", "no-cache"
_LEAST_PACKED = 1024


class StaticFile:
    """A file as it is sent. `read` returns its bytes, which do not change; no answer has others."""

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
        """Return it with these headers, or 304 where the caller has it (RFC 9110, 13.1.2).

        Its ETag is weak (8.8.3), since it is one for the file and for what it is packed to.
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
    """The files of a folder, as installed: they do not change while the gateway runs.

    `headers` go with each of them.
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
        """Return a file, or 304 where the caller has it.

        Raises:
            KeyError: there is none of this name.
        """
        return self._files[name].response(self._headers)

    def page(self, name: str, status: int, base: str) -> WSGIResponse:
        """Return a page for an address that is not its own: its links start from `base`.

        Raises:
            KeyError: there is none of this name.
        """
        text = self._files[name].read()
        text = text.replace(b"<head>", f'<head><base href="{base}">'.encode(), 1)
        headers = {**self._headers, "Cache-Control": "no-store", "Vary": "Accept-Encoding"}
        return WSGIResponse(text, status, headers, content_type=TYPES[".html"])


def _not_modified(headers: dict[str, str], content_type: str) -> WSGIResponse:
    """Return what says that the caller has a file already, with the file's own headers."""
    response = WSGIResponse(b"", 304, headers, content_type=content_type)
    del response.headers["Content-Length"]  # it would be that of the file (RFC 9110, 8.6)
    return response
