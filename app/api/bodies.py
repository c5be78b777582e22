"""Request bodies: JSON by their Content-Type, bounded before and after inflation."""

from __future__ import annotations

from typing import Any

from flask import request

from app.errors import UnsupportedMediaType
from app.schemas.bodies import MAX_BODY_BYTES, inflate, parse_json


def json_body() -> Any:
    """Return the body's JSON.

    Raises:
        UnsupportedMediaType: it is not JSON by its own word, or in an encoding we do not read.
        RequestTooLarge: it is larger than the endpoint takes (R12).
        InvalidRequest: it does not parse.
    """
    kind = request.mimetype
    if kind != "application/json" and not (
        kind.startswith("application/") and kind.endswith("+json")
    ):
        raise UnsupportedMediaType(
            "The body must be JSON: send it with the header 'Content-Type: application/json'."
        )
    raw = request.get_data(cache=False)
    encoding = request.headers.get("Content-Encoding", "identity")
    return parse_json(inflate(raw, encoding, MAX_BODY_BYTES))
