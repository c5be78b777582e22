"""The smaller answers: errors, lists, models, probes, and what the endpoint says of itself."""

from __future__ import annotations

from typing import Any

from app.errors import GatewayError
from app.schemas.fields import Choice, Flag, FreeObject, Listed, Nested, Text, TextMap, Whole
from app.schemas.wire.document import ALWAYS, OR_NULL, Told
from app.schemas.wire.items import ITEM

_LONGEST_LINE = 1024


def error_json(error: GatewayError) -> dict[str, Any]:
    """Return the one error envelope, always with all four keys (CONTRACT section 6)."""
    return {
        "error": {
            "message": error.message,
            "type": error.type,
            "param": error.param,
            "code": error.code,
        }
    }


class ErrorSchema(Told):
    message = Text(**ALWAYS)
    type = Text(**ALWAYS)
    param = Text(about="The field at fault, or the path to it.", **OR_NULL)
    code = Text(**OR_NULL)


class ErrorEnvelopeSchema(Told):
    error = Nested(ErrorSchema(), **ALWAYS)


class DeletedSchema(Told):
    id = Text(**ALWAYS)
    object = Choice("response.deleted", **ALWAYS)
    deleted = Flag(**ALWAYS)


class ItemListSchema(Told):
    about = "One page of items, in the order that was asked for."

    object = Choice("list", **ALWAYS)
    data = Listed(ITEM, **ALWAYS)
    first_id = Text(**OR_NULL)
    last_id = Text(**OR_NULL)
    has_more = Flag(**ALWAYS)


class ModelSchema(Told):
    id = Text(shortest=1, **ALWAYS)
    object = Choice("model", **ALWAYS)
    created = Whole(0, about="Unix seconds; 0 where nobody told.", **ALWAYS)
    owned_by = Text(**ALWAYS)


class ModelListSchema(Told):
    object = Choice("list", **ALWAYS)
    data = Listed(ModelSchema(), **ALWAYS)


class HealthSchema(Told):
    status = Choice("ok", **ALWAYS)


class ReadinessSchema(Told):
    status = Choice("ready", "not_ready", **ALWAYS)
    checks = FreeObject(about="The state of each thing that the gateway depends on.", **ALWAYS)
    reasons = FreeObject(about="Why one is not well, for who asks from the machine itself.")


class EndpointSchema(Told):
    about = "What the endpoint takes and how much of it, for people and for tools."

    object = Choice("endpoint", **ALWAYS)
    path = Text(**ALWAYS)
    methods = TextMap(32, 128, _LONGEST_LINE, about="A line for each operation.", **ALWAYS)
    supported = FreeObject(about="Lists of names, by what they name.", **ALWAYS)
    limits = FreeObject(about="Bounds, by parameter.", **ALWAYS)
    docs = Text(**ALWAYS)
