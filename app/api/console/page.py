"""The console's page. It holds no data: its script reads that with the key that is pasted there.

Everything that it runs, or looks like, comes from here. Its Content-Security-Policy
(https://www.w3.org/TR/CSP3/) leaves it nothing else, and Trusted Types
(https://www.w3.org/TR/trusted-types/) have a browser refuse any text that would become markup.
"""

from __future__ import annotations

from functools import cache
from typing import get_args

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from app import __version__
from app.api import context
from app.api.console.assets import Asset, asset, assets
from app.api.http.response import WSGIResponse
from app.api.http.static_files import not_modified
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
    "Cache-Control": "no-cache",
}
#: What the page shows, in the order of its navigation: the name in the address, and the title.
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
    return _sent(_page())


@bp.get("/")
def leave_slash() -> ResponseReturnValue:
    """Lead to the page itself: what it names is beside it."""
    location = {**HEADERS, "Location": "../console"}
    return WSGIResponse(b"", 308, location, content_type="text/plain; charset=utf-8")


@bp.get("/static/<name>")
def show_asset(name: str) -> ResponseReturnValue:
    """Return a script or style of the page."""
    found = assets().get(name)
    if found is None:
        raise NotFound
    return _sent(found)


def _sent(file: Asset) -> WSGIResponse:
    """Return a file, or that the browser has it already."""
    headers = {**HEADERS, "ETag": file.etag}
    known = context.request().environ.get("HTTP_IF_NONE_MATCH", "")
    if file.etag in known:  # a list of quoted values, some of them with W/ in front
        return not_modified(headers, file.content_type)
    return WSGIResponse(file.body, 200, headers, content_type=file.content_type)


@cache
def _page() -> Asset:
    text = render_template(
        "console.html",
        version=__version__,
        views=VIEWS,
        efforts=[(each, each) for each in EFFORTS],
        statuses=[(each, each.replace("_", " ")) for each in get_args(Status)],
    )
    return asset(text.encode(), "text/html; charset=utf-8")
