"""The scripts and styles of the console: read once, and told apart by what is in them.

A browser keeps them, and asks each time whether they are still the same: so that an update is seen
at once, and no two releases are mixed for long.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

#: What may be served, by the end of its name.
CONTENT_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_FOLDER = "static"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent; `etag` is the value of that header (RFC 9110, 8.8.3)."""

    body: bytes
    content_type: str
    etag: str


def asset(body: bytes, content_type: str) -> Asset:
    """Return a file to be sent, with what tells it from another."""
    return Asset(body, content_type, f'"{sha256(body).hexdigest()[:32]}"')


@cache
def assets() -> dict[str, Asset]:
    """Return all files that the page may ask for, by name: nothing else can be asked for."""
    found = {}
    for file in files("app.api.console").joinpath(_FOLDER).iterdir():
        kind = CONTENT_TYPES.get(file.name.rpartition(".")[2])
        if kind is not None:
            found[file.name] = asset(file.read_bytes(), kind)
    return found
