"""Request bodies: JSON by their Content-Type, bounded before and after inflation."""

from __future__ import annotations

from typing import Any

from app.api import current
from app.errors import UnsupportedMediaType
from app.schemas.bodies import MAX_BODY_BYTES, inflate, parse_json

_JSON = "application/json"


def json_body() -> Any:
    """Return the body's JSON.

    Raises:
        UnsupportedMediaType: it is not JSON by its own word, or in an encoding we do not read.
        RequestTooLarge: it is larger than the endpoint takes (R12).
        Unavailable: it was inflated, and there is no room for it.
        InvalidRequest: it does not parse.
    """
    request = current.request()
    environ = request.environ
    if environ.get("CONTENT_TYPE") != _JSON and not _is_json(request.mimetype):
        raise UnsupportedMediaType(
            "The body must be JSON: send it with the header 'Content-Type: application/json'."
        )
    raw = request.get_data(cache=False)
    encoding = environ.get("HTTP_CONTENT_ENCODING", "identity")
    body = inflate(raw, encoding, MAX_BODY_BYTES)
    if environ.get("CONTENT_LENGTH") != str(len(body)):
        current.services().in_flight.weigh(current.held().place, len(body))
    return parse_json(body)


def _is_json(kind: str) -> bool:
    return kind == _JSON or (kind.startswith("application/") and kind.endswith("+json"))
