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
            "A 32-byte key that encrypts the stored content; send the same key to access it later.",
        ),
        header(
            "x-encryption-passphrase",
            {"type": "string", "minLength": 8, "maxLength": 1024},
            "A passphrase from which the encryption key is derived; send it instead of a key.",
        ),
    ]


def include() -> Json:
    """Return the query parameter `include`."""
    values = {"type": "string", "enum": sorted(INCLUDE_VALUES)}
    about = "Additional data to return; `include[]` and comma-separated lists are accepted as well."
    return query("include", {"type": "array", "items": values}, about)


def page_parameters() -> list[Json]:
    """Return the query parameters of a paginated list."""
    limit = {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    order = {"type": "string", "enum": ["asc", "desc"], "default": "desc"}
    return [
        query("limit", limit, "The maximum number of entries on a page."),
        query("order", order, "The sort order: `asc` is oldest first, `desc` newest first."),
        query("after", {"type": "string"}, "The id of an entry; the page starts after it."),
        query("before", {"type": "string"}, "The id of an entry; the page ends before it."),
    ]
