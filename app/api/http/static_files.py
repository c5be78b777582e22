"""Files that are served as they are: found by their path in a folder, and by nothing else."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache, cached_property
from pathlib import Path

from app.api import context
from app.api.http.response import WSGIResponse

#: What a page of ours may load and do: nothing from elsewhere, and no script that stands in it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Vary": "Accept-Encoding",
}
_TYPES = {
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


class StaticFiles:
    """The files of a folder, as installed: they do not change while the gateway runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __contains__(self, name: str) -> bool:
        return name in self._paths

    @cached_property
    def _paths(self) -> dict[str, Path]:
        found = (path for path in self._folder.rglob("*") if path.is_file())
        return {path.relative_to(self._folder).as_posix(): path for path in found}

    def response(self, name: str) -> WSGIResponse:
        """Return a file, or 304 where the caller has it.

        Raises:
            KeyError: there is none of this name.
        """
        request, path = context.request(), self._paths[name]
        etag = _digest(path)
        headers = _HEADERS | {
            "ETag": f'W/"{etag}"',
            "Cache-Control": _FOR_GOOD if "v" in request.args else _ASK,
        }
        kind = _TYPES.get(path.suffix, _TEXT)
        if request.if_none_match.contains_weak(etag):
            return not_modified(headers, kind)
        if request.accept_encodings["gzip"] and path.stat().st_size >= _LEAST_PACKED:
            headers["Content-Encoding"] = "gzip"
            return WSGIResponse(_packed(path), 200, headers, content_type=kind)
        return WSGIResponse(path.read_bytes(), 200, headers, content_type=kind)

    def page(self, name: str, status: int, base: str) -> WSGIResponse:
        """Return a page for an address that is not its own: its links start from `base`.

        Raises:
            KeyError: there is none of this name.
        """
        text = self._paths[name].read_bytes()
        text = text.replace(b"<head>", f'<head><base href="{base}">'.encode(), 1)
        headers = _HEADERS | {"Cache-Control": "no-store"}
        return WSGIResponse(text, status, headers, content_type=_TYPES[".html"])


def not_modified(headers: dict[str, str], content_type: str) -> WSGIResponse:
    """Return what says that the caller has a file already, with the file's own headers."""
    response = WSGIResponse(b"", 304, headers, content_type=content_type)
    del response.headers["Content-Length"]  # it would be that of the file (RFC 9110, 8.6)
    return response


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:32]


@cache
def _packed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), mtime=0)
