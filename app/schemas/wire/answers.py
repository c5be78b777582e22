"""The smaller response bodies: errors, lists, probes, and the description of the endpoint."""

from __future__ import annotations

from typing import Any

from app.domain.estimates import TokenCount
from app.domain.turns.compaction import CompactedConversation
from app.errors import GatewayError
from app.schemas.field import Bind
from app.schemas.fields import Boolean, Choice, FreeObject, Integer, String, TextMap
from app.schemas.nesting import ListOf, Nested
from app.schemas.wire.document import ALWAYS, AT_TIMES, OR_NULL, ValueSchema, WireSchema
from app.schemas.wire.items import ITEM
from app.schemas.wire.responses import UsageSchema

_LONGEST_LINE = 1024


class ErrorSchema(ValueSchema[GatewayError]):
    about = "An error."
    values = (GatewayError,)

    message = String(**ALWAYS)
    type = String(about="The type of error, as in OpenAI's API.", **ALWAYS)
    param = String(**OR_NULL)
    code = String(**OR_NULL)


class ErrorEnvelopeSchema(ValueSchema[GatewayError]):
    about = "The body of every error response."
    values = (GatewayError,)

    error = Nested(ErrorSchema(), itself=True, about="The error.", **ALWAYS)


class AlwaysTrue(Boolean):
    """true, whatever the value."""

    def dump_code(self, value: str, bind: Bind) -> str:
        return "True"


class DeletedSchema(ValueSchema[str]):
    about = "Confirmation of a deletion."
    values = (str,)

    id = String(itself=True, **ALWAYS)
    object = Choice("response.deleted", **ALWAYS)
    deleted = AlwaysTrue(**ALWAYS)


class TokenCountSchema(ValueSchema[TokenCount]):
    about = "The number of input tokens of a request."
    values = (TokenCount,)

    object = Choice("response.input_tokens", **ALWAYS)
    input_tokens = Integer(0, **ALWAYS)


class CompactedConversationSchema(ValueSchema[CompactedConversation]):
    about = "A compacted conversation. Send `output` back unchanged, and append new items to it."
    values = (CompactedConversation,)

    id = String(shortest=1, **ALWAYS)
    object = Choice("response.compaction", **ALWAYS)
    created_at = Integer(0, **ALWAYS)
    output = ListOf(ITEM, about="The user's messages, followed by one compaction item.", **ALWAYS)
    usage = Nested(UsageSchema(), about="The tokens used for the summary.", **ALWAYS)


class ItemListSchema(ValueSchema[Any]):
    about = "A page of items, in the requested order."

    object = Choice("list", **ALWAYS)
    data = ListOf(ITEM, attribute="items", **ALWAYS)
    first_id = String(**OR_NULL)
    last_id = String(**OR_NULL)
    has_more = Boolean(**ALWAYS)


class HealthSchema(ValueSchema[None]):
    about = "The process is alive."

    status = Choice("ok", about="Always ok: the process answers.", **ALWAYS)


class VersionSchema(ValueSchema[str]):
    about = "The gateway's version."
    values = (str,)

    version = String(itself=True, about="The version, such as 1.2.3.", **ALWAYS)


class ReadinessSchema(ValueSchema[Any]):
    about = "Whether the gateway is ready to serve requests."

    status = Choice("ready", "not_ready", about="Whether the gateway is ready.", **ALWAYS)
    checks = FreeObject(about="The state of each thing that the gateway depends on.", **ALWAYS)
    reasons = FreeObject(
        about="Why a check is not ok; only shown to callers on the same machine.", **AT_TIMES
    )


class EndpointSchema(WireSchema):
    about = "What the endpoint accepts, and its limits, for people and tools."

    object = Choice("endpoint", **ALWAYS)
    path = String(about="The endpoint's path.", **ALWAYS)
    methods = TextMap(
        32, 128, _LONGEST_LINE, about="A one-line description of each operation.", **ALWAYS
    )
    supported = FreeObject(about="What the endpoint supports: lists of names, by kind.", **ALWAYS)
    limits = FreeObject(about="The limits, by parameter.", **ALWAYS)
    docs = String(about="Where the whole API is documented.", **ALWAYS)


ERROR_ENVELOPE, DELETED, ITEM_LIST = ErrorEnvelopeSchema(), DeletedSchema(), ItemListSchema()
TOKEN_COUNT, COMPACTED = TokenCountSchema(), CompactedConversationSchema()
HEALTH, READINESS, VERSION = HealthSchema(), ReadinessSchema(), VersionSchema()
