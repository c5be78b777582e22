"""Building blocks for the descriptions of operations."""

from __future__ import annotations

from typing import Any

from app.schemas.docs.headers import DONE, LIMITS, headers
from app.schemas.request.parameters.fields import INCLUDE_VALUES

JSON = "application/json"
#: The errors of every operation that needs a key.
KEYED = (401, 403, 429, 500, 503)

Json = dict[str, Any]


def answer(description: str, schema: object, example: object = None) -> Json:
    """Return a JSON response; `example` is one example of its body."""
    media_type = {"schema": schema} | ({} if example is None else {"example": example})
    content = {JSON: media_type}
    return {"description": description, "headers": headers(DONE, *LIMITS), "content": content}


def path_parameter(name: str, schema: Json, description: str) -> Json:
    """Return a path parameter."""
    given = {"in": "path", "name": name, "required": True}
    return given | {"schema": schema, "description": description}


def query(name: str, schema: Json, description: str) -> Json:
    """Return a query parameter."""
    return {"in": "query", "name": name, "schema": schema, "description": description}


def header(name: str, schema: Json, description: str) -> Json:
    """Return a header parameter."""
    return {"in": "header", "name": name, "schema": schema, "description": description}


def content_key() -> list[Json]:
    """Return the headers with the key that encrypts, and later decrypts, what is stored (C6)."""
    return [
        header(
            "x-encryption-key",
            {"type": "string", "contentEncoding": "base64", "minLength": 44, "maxLength": 44},
            "32 bytes that encrypt what is stored of it; the same to come back to it.",
        ),
        header(
            "x-encryption-passphrase",
            {"type": "string", "minLength": 8, "maxLength": 1024},
            "The same, from which such a key is made; not beside one.",
        ),
    ]


def include() -> Json:
    """Return the query parameter `include`."""
    values = {"type": "string", "enum": sorted(INCLUDE_VALUES)}
    about = "What to show beside the usual; `include[]` and comma lists are understood too."
    return query("include", {"type": "array", "items": values}, about)


def page_parameters() -> list[Json]:
    """Return the query parameters of a paginated list."""
    limit = {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    order = {"type": "string", "enum": ["asc", "desc"], "default": "desc"}
    return [
        query("limit", limit, "How many items a page holds."),
        query("order", order, "`asc` is oldest first."),
        query("after", {"type": "string"}, "The id of the item that the page follows."),
        query("before", {"type": "string"}, "The id of the item that the page precedes."),
    ]
