"""The response object, whole, as it is at every moment of its life."""

from __future__ import annotations

from typing import Any

from app.domain.items import output_text
from app.domain.response import PASSED_KEYS, Response, ResponseError, Usage
from app.schemas.field import Bind, ReadContext
from app.schemas.fields import Choice, Integer, String
from app.schemas.invalid import object_at
from app.schemas.nesting import ListOf, Nested
from app.schemas.wire.document import ALWAYS, OR_NULL, ValueSchema, WireSchema
from app.schemas.wire.echo import EchoFields
from app.schemas.wire.items import OUTPUT_ITEM


class ResponseErrorSchema(ValueSchema[ResponseError]):
    values = (ResponseError,)

    code = String(**ALWAYS)
    message = String(**ALWAYS)


class IncompleteDetailsSchema(ValueSchema[str]):
    values = (str,)

    reason = Choice("max_output_tokens", "content_filter", itself=True, **ALWAYS)


class InputTokensDetailsSchema(ValueSchema[Usage]):
    values = (Usage,)

    cached_tokens = Integer(0, **ALWAYS)
    cache_write_tokens = Integer(0, **ALWAYS)


class OutputTokensDetailsSchema(ValueSchema[Usage]):
    values = (Usage,)

    reasoning_tokens = Integer(0, **ALWAYS)


class UsageSchema(ValueSchema[Usage]):
    about = "What the response cost, in tokens; 0 where the upstream does not count."
    values = (Usage,)

    input_tokens = Integer(0, **ALWAYS)
    input_tokens_details = Nested(InputTokensDetailsSchema(), itself=True, **ALWAYS)
    output_tokens = Integer(0, **ALWAYS)
    output_tokens_details = Nested(OutputTokensDetailsSchema(), itself=True, **ALWAYS)
    total_tokens = Integer(0, **ALWAYS)


class JoinedText(String):
    """The text of every output_text part of `output`, joined (A6); nothing of it is read again."""

    @property
    def source(self) -> str:
        return "output"

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{bind(output_text)}({value})"

    def find(self, attribute: str, data: str, bind: Bind) -> None:
        return None


class StateFields(WireSchema):
    """What is the response's own: its state and what it has made."""

    id = String(pattern="resp_[A-Za-z0-9_-]{1,123}", hint="must begin with resp_", **ALWAYS)
    object = Choice("response", **ALWAYS)
    created_at = Integer(0, about="Unix seconds.", **ALWAYS)
    completed_at = Integer(0, about="Unix seconds; null unless completed.", **OR_NULL)
    status = Choice(
        "queued", "in_progress", "completed", "incomplete", "failed", "cancelled", **ALWAYS
    )
    error = Nested(ResponseErrorSchema(), **OR_NULL)
    incomplete_details = Nested(IncompleteDetailsSchema(), attribute="incomplete_reason", **OR_NULL)
    model = String(about="The model's id as the request named it.", **ALWAYS)
    output = ListOf(OUTPUT_ITEM, **ALWAYS)
    output_text = JoinedText(about="The text of every output_text part, joined.", **ALWAYS)
    service_tier = String(**ALWAYS)
    usage = Nested(UsageSchema(), **OR_NULL)


class ResponseSchema(EchoFields, StateFields, ValueSchema[Response]):
    about = "A response. `output` is empty and `usage` null until there is something to show."
    values = (Response,)
    spread = ("echo", EchoFields)

    def read(self, raw: object, path: str, context: ReadContext) -> dict[str, Any]:
        """Return the object at `path`, which may have what its provider says of it; see Document.

        Raises:
            InvalidField: it is not what this declares.
        """
        given = object_at(raw, path)
        super().read(
            {key: value for key, value in given.items() if key not in PASSED_KEYS}, path, context
        )
        return given


RESPONSE = ResponseSchema()
