"""The smaller answers: errors, lists, models, probes, and what the endpoint says of itself."""

from __future__ import annotations

from typing import Any

from app.errors import GatewayError
from app.schemas.fields import Boolean, Choice, FreeObject, Integer, ListOf, Nested, String, TextMap
from app.schemas.wire.document import ALWAYS, OR_NULL, WireSchema
from app.schemas.wire.items import ITEM

_LONGEST_LINE = 1024


def error_json(error: GatewayError) -> dict[str, Any]:
    """Return the one error envelope, always with all four keys."""
    return {
        "error": {
            "message": error.message,
            "type": error.type,
            "param": error.param,
            "code": error.code,
        }
    }


class ErrorSchema(WireSchema):
    message = String(**ALWAYS)
    type = String(**ALWAYS)
    param = String(about="The field at fault, or the path to it.", **OR_NULL)
    code = String(**OR_NULL)


class ErrorEnvelopeSchema(WireSchema):
    error = Nested(ErrorSchema(), **ALWAYS)


class DeletedSchema(WireSchema):
    id = String(**ALWAYS)
    object = Choice("response.deleted", **ALWAYS)
    deleted = Boolean(**ALWAYS)


class ItemListSchema(WireSchema):
    about = "One page of items, in the order that was asked for."

    object = Choice("list", **ALWAYS)
    data = ListOf(ITEM, **ALWAYS)
    first_id = String(**OR_NULL)
    last_id = String(**OR_NULL)
    has_more = Boolean(**ALWAYS)


class ModelSchema(WireSchema):
    id = String(shortest=1, **ALWAYS)
    object = Choice("model", **ALWAYS)
    created = Integer(0, about="Unix seconds; 0 where unknown.", **ALWAYS)
    owned_by = String(**ALWAYS)


class ModelListSchema(WireSchema):
    object = Choice("list", **ALWAYS)
    data = ListOf(ModelSchema(), **ALWAYS)


class HealthSchema(WireSchema):
    status = Choice("ok", **ALWAYS)


class ReadinessSchema(WireSchema):
    status = Choice("ready", "not_ready", **ALWAYS)
    checks = FreeObject(about="The state of each thing that the gateway depends on.", **ALWAYS)
    reasons = FreeObject(about="Why one is not ok; only for callers on the same machine.")


class EndpointSchema(WireSchema):
    about = "What the endpoint takes and how much of it, for people and for tools."

    object = Choice("endpoint", **ALWAYS)
    path = String(**ALWAYS)
    methods = TextMap(32, 128, _LONGEST_LINE, about="A line for each operation.", **ALWAYS)
    supported = FreeObject(about="Lists of names, by what they name.", **ALWAYS)
    limits = FreeObject(about="Bounds, by parameter.", **ALWAYS)
    docs = String(**ALWAYS)
