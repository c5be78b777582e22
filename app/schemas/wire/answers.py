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
    type = String(about="The kind of error, as OpenAI has them.", **ALWAYS)
    param = String(**OR_NULL)
    code = String(**OR_NULL)


class ErrorEnvelopeSchema(ValueSchema[GatewayError]):
    about = "How every error is answered."
    values = (GatewayError,)

    error = Nested(ErrorSchema(), itself=True, about="What went wrong.", **ALWAYS)


class AlwaysTrue(Boolean):
    """true, whatever the value."""

    def dump_code(self, value: str, bind: Bind) -> str:
        return "True"


class DeletedSchema(ValueSchema[str]):
    about = "What has been deleted."
    values = (str,)

    id = String(itself=True, **ALWAYS)
    object = Choice("response.deleted", **ALWAYS)
    deleted = AlwaysTrue(**ALWAYS)


class TokenCountSchema(ValueSchema[TokenCount]):
    about = "How many tokens a request's input is."
    values = (TokenCount,)

    object = Choice("response.input_tokens", **ALWAYS)
    input_tokens = Integer(0, **ALWAYS)


class CompactedConversationSchema(ValueSchema[CompactedConversation]):
    about = "What is left of a conversation. Send `output` back as it is, and go on behind it."
    values = (CompactedConversation,)

    id = String(shortest=1, **ALWAYS)
    object = Choice("response.compaction", **ALWAYS)
    created_at = Integer(0, **ALWAYS)
    output = ListOf(ITEM, about="The user's messages, then one compaction.", **ALWAYS)
    usage = Nested(UsageSchema(), about="What the summary took.", **ALWAYS)


class ItemListSchema(ValueSchema[Any]):
    about = "One page of items, in the order of the query."

    object = Choice("list", **ALWAYS)
    data = ListOf(ITEM, attribute="items", **ALWAYS)
    first_id = String(**OR_NULL)
    last_id = String(**OR_NULL)
    has_more = Boolean(**ALWAYS)


class HealthSchema(ValueSchema[None]):
    about = "The process is alive."

    status = Choice("ok", about="ok: it answers.", **ALWAYS)


class VersionSchema(ValueSchema[str]):
    about = "Which release of the gateway this is."
    values = (str,)

    version = String(itself=True, about="The release, such as 1.2.3.", **ALWAYS)


class ReadinessSchema(ValueSchema[Any]):
    about = "Whether requests would be served now."

    status = Choice("ready", "not_ready", about="Whether they would.", **ALWAYS)
    checks = FreeObject(about="The state of each thing that the gateway depends on.", **ALWAYS)
    reasons = FreeObject(
        about="Why one is not ok; only for callers on the same machine.", **AT_TIMES
    )


class EndpointSchema(WireSchema):
    about = "What the endpoint takes and how much of it, for people and for tools."

    object = Choice("endpoint", **ALWAYS)
    path = String(about="The endpoint's path.", **ALWAYS)
    methods = TextMap(32, 128, _LONGEST_LINE, about="A line for each operation.", **ALWAYS)
    supported = FreeObject(about="Lists of names, by what they name.", **ALWAYS)
    limits = FreeObject(about="Bounds, by parameter.", **ALWAYS)
    docs = String(about="Where all of the API is described.", **ALWAYS)


ERROR_ENVELOPE, DELETED, ITEM_LIST = ErrorEnvelopeSchema(), DeletedSchema(), ItemListSchema()
TOKEN_COUNT, COMPACTED = TokenCountSchema(), CompactedConversationSchema()
HEALTH, READINESS, VERSION = HealthSchema(), ReadinessSchema(), VersionSchema()
