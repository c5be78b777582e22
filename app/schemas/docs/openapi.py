"""The machine-readable descriptions: the OpenAPI 3.1 document, and GET /v1/responses (E1)."""

from __future__ import annotations

from typing import Any

from apispec import APISpec

from app import __version__
from app.domain.hosted.policy import NOTHING_PASSES, PassPolicy
from app.schemas.docs.converter import Plugin
from app.schemas.docs.details import GROUPS, INFO, SCHEMES, SERVERS
from app.schemas.docs.errors import error_responses
from app.schemas.docs.headers import HEADERS
from app.schemas.docs.operations import RESPONSES, operations
from app.schemas.field import StrictField
from app.schemas.request.body import MAX_BODY_BYTES
from app.schemas.request.bounds import MOST_ITEMS
from app.schemas.request.create import CreateRequestSchema
from app.schemas.request.foreign import UnsupportedField
from app.schemas.request.items.input import ITEMS
from app.schemas.request.parts import ASSISTANT_PARTS, CALLER_PARTS
from app.schemas.request.text_options import FORMATS
from app.schemas.request.tools.field import TOOLS
from app.schemas.wire.events import EVENT
from app.schemas.wire.items import ITEM

DOCS = "/openapi.json"
_UNIONS = (
    ("StreamEvent", "A stream event; `type` tells which one.", EVENT),
    ("Item", "A conversation item; `type` tells which one.", ITEM),
)
_FIELDS = CreateRequestSchema().fields
_BOUNDS = frozenset(
    {
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "maxItems",
        "maxProperties",
        "propertyNames",
        "additionalProperties",
    }
)


def document() -> dict[str, Any]:
    """Return the OpenAPI document, built from the schemas."""
    plugin = Plugin()
    spec = APISpec(
        title="Responses Gateway",
        version=__version__,
        openapi_version="3.1.0",
        plugins=[plugin],
        info=INFO,
        servers=SERVERS,
        security=[{name: []} for name in SCHEMES],
    )
    for name, _, about in GROUPS:
        spec.tag({"name": name, "description": about})
    for name, scheme in SCHEMES.items():
        spec.components.security_scheme(name, scheme)
    for name, header in HEADERS.items():
        spec.components.header(name, header)
    for name, response in error_responses().items():
        spec.components.response(name, response)
    for path, methods in operations().items():
        spec.path(path, operations=methods)
    for name, about, union in _UNIONS:
        spec.components.schema(name, union.json_schema(plugin.refer) | {"description": about})
    return spec.to_dict()


def endpoint_info(passed: PassPolicy = NOTHING_PASSES) -> dict[str, Any]:
    """Return the body of GET /v1/responses, built from the schemas.

    `passed` is what the providers receive unchanged (P1, P2).
    """
    return {
        "object": "endpoint",
        "path": RESPONSES,
        "methods": {
            f"{method.upper()} {path.removeprefix(RESPONSES)}".strip(): operation["summary"]
            for path, methods in operations().items()
            if path.startswith(RESPONSES)
            for method, operation in methods.items()
        },
        "supported": {
            "parameters": [
                name for name, field in _FIELDS.items() if not isinstance(field, UnsupportedField)
            ],
            "item_types": list(ITEMS),
            "content_parts": list(dict.fromkeys((*CALLER_PARTS, *ASSISTANT_PARTS))),
            "tools": list(TOOLS),
            "hosted_tools": list(passed.tools_in_order),
            "forwarded": list(passed.fields_in_order),
            "text_formats": list(FORMATS),
            "stream_events": list(EVENT.documents),
        },
        "limits": {"body_bytes": MAX_BODY_BYTES, "input_items": MOST_ITEMS} | _limits(),
        "docs": DOCS,
    }


def _limits() -> dict[str, dict[str, Any]]:
    """Return the bounds of each top-level parameter that has any."""
    shapes = {
        name: field.json_schema(lambda _: {"$ref": ""})
        for name, field in _FIELDS.items()
        if isinstance(field, StrictField)
    }
    bounds = {
        name: {word: bound for word, bound in shape.items() if word in _BOUNDS}
        for name, shape in shapes.items()
    }
    return {name: each for name, each in bounds.items() if each}
