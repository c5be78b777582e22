"""/docs: the documentation; /docs/api: a page to try the API. Both are public."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from app.api.http.response import WSGIResponse
from app.api.http.static_files import StaticFiles

_FOLDER = Path(__file__).parent.parent / "site"
PAGES, VIEWER = StaticFiles(_FOLDER / "pages"), StaticFiles(_FOLDER / "viewer")
_INDEX, _MISSING = "index.html", "404.html"

bp = Blueprint("site", __name__)


@bp.get("/docs")
def way_in() -> ResponseReturnValue:
    """Redirect to the path that the pages' relative links start from."""
    return _moved("docs/")


@bp.get("/docs/")
def index() -> ResponseReturnValue:
    """Return the documentation's first page."""
    return _page(_INDEX)


@bp.get("/docs/api")
def viewer() -> ResponseReturnValue:
    """Return the viewer of the OpenAPI document."""
    return VIEWER.response(_INDEX)


@bp.get("/docs/api/<name>")
def viewer_file(name: str) -> ResponseReturnValue:
    """Return a script or a style of the viewer."""
    return VIEWER.response(name) if name in VIEWER else _page(f"api/{name}")


@bp.get("/docs/<path:name>")
def page(name: str) -> ResponseReturnValue:
    """Return a page, or a file that it loads."""
    return _page(name)


def _page(name: str) -> WSGIResponse:
    """Return a page by its path, with or without `.html`; for a folder, its index."""
    if name in PAGES:
        return PAGES.response(name)
    if name.endswith("/") and name + _INDEX in PAGES:
        return PAGES.response(name + _INDEX)
    if f"{name}/{_INDEX}" in PAGES:
        return _moved(f"{name.rpartition('/')[2]}/")
    if f"{name}.html" in PAGES:
        return PAGES.response(f"{name}.html")
    if _MISSING not in PAGES:
        raise NotFound  # the pages were not built
    return PAGES.page(_MISSING, 404, "../" * name.count("/") or "./")


def _moved(place: str) -> WSGIResponse:
    return WSGIResponse(b"", 308, {"Location": place}, content_type="text/plain")
