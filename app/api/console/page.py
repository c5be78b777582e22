"""The console's page. It contains no data: its script reads them with the key pasted there.

Every script and style is served from here. The page's Content-Security-Policy
(https://www.w3.org/TR/CSP3/) allows no other source, and Trusted Types
(https://www.w3.org/TR/trusted-types/) make the browser refuse any text that would become markup.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import get_args

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from app import __version__
from app.api.http.response import WSGIResponse
from app.api.http.static_files import TYPES, StaticFile, StaticFiles
from app.domain.models import EFFORTS
from app.domain.response import Status

_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
HEADERS = {
    "Content-Security-Policy": "; ".join(_POLICY),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
#: The scripts and styles of the page.
ASSETS = StaticFiles(Path(__file__).parent / "static", HEADERS)
#: The page's views in the order of its navigation: the name in the URL, and the title.
VIEWS = {
    "playground": "Playground",
    "responses": "Responses",
    "conversations": "Conversations",
    "jobs": "Background jobs",
    "requests": "Requests",
    "usage": "Usage and cost",
}

bp = Blueprint("console", __name__, url_prefix="/console", template_folder="templates")


@bp.get("")
def show_page() -> ResponseReturnValue:
    """Return the page, the same for everybody."""
    return _page().response(HEADERS)


@bp.get("/")
def leave_slash() -> ResponseReturnValue:
    """Redirect to the page itself, since its links are relative to the path without the slash."""
    location = {**HEADERS, "Cache-Control": "no-cache", "Location": "../console"}
    return WSGIResponse(b"", 308, location, content_type="text/plain; charset=utf-8")


@bp.get("/static/<name>")
def show_asset(name: str) -> ResponseReturnValue:
    """Return a script or style of the page."""
    if name not in ASSETS:
        raise NotFound
    return ASSETS.response(name)


@cache
def _page() -> StaticFile:
    text = render_template(
        "console.html",
        version=__version__,
        views=VIEWS,
        efforts=[(each, each) for each in EFFORTS],
        statuses=[(each, each.replace("_", " ")) for each in get_args(Status)],
    )
    body = text.encode()
    return StaticFile(lambda: body, TYPES[".html"])
