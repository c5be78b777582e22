"""The whole response object, in any status."""

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
    about = "Why a response failed."
    values = (ResponseError,)

    code = String(**ALWAYS)
    message = String(**ALWAYS)


class IncompleteDetailsSchema(ValueSchema[str]):
    about = "Why a response is incomplete."
    values = (str,)

    reason = Choice(
        *("max_output_tokens", "content_filter"),
        itself=True,
        about="The reason why the response is incomplete.",
        **ALWAYS,
    )


class InputTokensDetailsSchema(ValueSchema[Usage]):
    about = "Details of the input tokens."
    values = (Usage,)

    cached_tokens = Integer(0, **ALWAYS)
    cache_write_tokens = Integer(0, **ALWAYS)


class OutputTokensDetailsSchema(ValueSchema[Usage]):
    about = "Details of the output tokens."
    values = (Usage,)

    reasoning_tokens = Integer(0, **ALWAYS)


class UsageSchema(ValueSchema[Usage]):
    about = "The tokens that the response used; 0 if the upstream does not count them."
    values = (Usage,)

    input_tokens = Integer(0, **ALWAYS)
    input_tokens_details = Nested(
        InputTokensDetailsSchema(), itself=True, about="Details of the input tokens.", **ALWAYS
    )
    output_tokens = Integer(0, **ALWAYS)
    output_tokens_details = Nested(
        OutputTokensDetailsSchema(), itself=True, about="Details of the output tokens.", **ALWAYS
    )
    total_tokens = Integer(0, **ALWAYS)


class JoinedText(String):
    """The text of every output_text part of `output`, joined (A6); only written, never read."""

    @property
    def source(self) -> str:
        return "output"

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{bind(output_text)}({value})"

    def find(self, attribute: str, data: str, bind: Bind) -> None:
        return None


class StateFields(WireSchema):
    """The response's own state and output, as opposed to the echo."""

    id = String(pattern="resp_[A-Za-z0-9_-]{1,123}", hint="must begin with resp_", **ALWAYS)
    object = Choice("response", **ALWAYS)
    created_at = Integer(0, **ALWAYS)
    completed_at = Integer(
        0, about="When the response was completed, in Unix seconds; otherwise null.", **OR_NULL
    )
    status = Choice(
        *("queued", "in_progress", "completed", "incomplete", "failed", "cancelled"),
        about="The status of the response; the last four are final.",
        **ALWAYS,
    )
    error = Nested(
        ResponseErrorSchema(), about="The error, if the response failed; otherwise null.", **OR_NULL
    )
    incomplete_details = Nested(
        IncompleteDetailsSchema(),
        attribute="incomplete_reason",
        about="Why the response is incomplete; otherwise null.",
        **OR_NULL,
    )
    model = String(about="The id of the model, as named in the request.", **ALWAYS)
    output = ListOf(OUTPUT_ITEM, about="The items that the model generated, in order.", **ALWAYS)
    output_text = JoinedText(about="The text of all output_text parts, joined.", **ALWAYS)
    service_tier = String(about="The upstream's service tier that was used.", **ALWAYS)
    usage = Nested(UsageSchema(), about="The tokens used; null until they are known.", **OR_NULL)


class ResponseSchema(EchoFields, StateFields, ValueSchema[Response]):
    about = "A response. Until there is output, `output` is empty and `usage` is null."
    values = (Response,)
    spread = ("echo", EchoFields)

    def dump(self, obj: Response) -> dict[str, Any]:  # type: ignore[override]
        """Return a response as JSON; the result is cached and must not be modified."""
        # MEASURED: it is both stored and sent, and writing it takes 8 µs.
        if obj.json is None:
            obj.json = self.writer(obj)  # type: ignore[misc] # it is no part of the value
        return obj.json

    def read(self, raw: object, path: str, context: ReadContext) -> dict[str, Any]:
        """Return the object at `path`, which may have its provider's own keys; see Document.

        Raises:
            InvalidField: it does not match this declaration.
        """
        given = object_at(raw, path)
        super().read(
            {key: value for key, value in given.items() if key not in PASSED_KEYS}, path, context
        )
        return given


RESPONSE = ResponseSchema()
