"""/openapi.json: the machine-readable description of this API."""

from __future__ import annotations

from functools import cache

import orjson
from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api.http.response import WSGIResponse
from app.schemas.docs.openapi import document

bp = Blueprint("docs", __name__)


@bp.get("/openapi.json")
def openapi() -> ResponseReturnValue:
    """Return the OpenAPI 3.1 document."""
    return WSGIResponse(_document(), content_type="application/json")


@cache
def _document() -> bytes:
    return orjson.dumps(document())
