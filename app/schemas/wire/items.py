"""Items and content parts as responses, events and lists show them."""

from __future__ import annotations

import math
from typing import Any

from app.schemas.document import ReadContext, Refer, StrictField
from app.schemas.fields import (
    ByteArray,
    Choice,
    FreeObjects,
    Integer,
    ListOf,
    Number,
    OneOf,
    String,
)
from app.schemas.wire.document import ALWAYS, AT_TIMES, WireSchema

_STATUSES = ("in_progress", "completed", "incomplete")


class AlternativeTokenSchema(WireSchema):
    token = String(**ALWAYS)
    logprob = Number(-math.inf, math.inf, **ALWAYS)
    bytes = ByteArray(**ALWAYS)


class TokenSchema(AlternativeTokenSchema):
    about = "How likely a token of the text was, and which others were."

    top_logprobs = ListOf(AlternativeTokenSchema(), **ALWAYS)


class UrlCitationSchema(WireSchema):
    type = Choice("url_citation", **ALWAYS)
    url = String(**ALWAYS)
    title = String(**ALWAYS)
    start_index = Integer(0, **ALWAYS)
    end_index = Integer(0, **ALWAYS)


class FileCitationSchema(WireSchema):
    type = Choice("file_citation", **ALWAYS)
    file_id = String(**ALWAYS)
    filename = String(**ALWAYS)
    index = Integer(0, **ALWAYS)


class ContainerFileCitationSchema(WireSchema):
    type = Choice("container_file_citation", **ALWAYS)
    container_id = String(**ALWAYS)
    file_id = String(**ALWAYS)
    filename = String(**ALWAYS)
    start_index = Integer(0, **ALWAYS)
    end_index = Integer(0, **ALWAYS)


class FilePathSchema(WireSchema):
    type = Choice("file_path", **ALWAYS)
    file_id = String(**ALWAYS)
    index = Integer(0, **ALWAYS)


TOKEN = TokenSchema()
ANNOTATION = OneOf(
    UrlCitationSchema(), FileCitationSchema(), ContainerFileCitationSchema(), FilePathSchema()
)


class OutputTextSchema(WireSchema):
    type = Choice("output_text", **ALWAYS)
    text = String(**ALWAYS)
    annotations = ListOf(ANNOTATION, **ALWAYS)
    logprobs = ListOf(TOKEN, **ALWAYS)


class GivenOutputTextSchema(WireSchema):
    about = "What a caller sent as an assistant's words, with notes of whatever form it gave them."

    type = Choice("output_text", **ALWAYS)
    text = String(**ALWAYS)
    annotations = FreeObjects(**ALWAYS)
    logprobs = FreeObjects(**ALWAYS)


class RefusalSchema(WireSchema):
    type = Choice("refusal", **ALWAYS)
    refusal = String(**ALWAYS)


class GivenTextSchema(WireSchema):
    type = Choice("input_text", **ALWAYS)
    text = String(**ALWAYS)


class GivenImageSchema(WireSchema):
    type = Choice("input_image", **ALWAYS)
    detail = String(**ALWAYS)
    image_url = String(**AT_TIMES)
    file_id = String(**AT_TIMES)


class GivenFileSchema(WireSchema):
    type = Choice("input_file", **ALWAYS)
    file_data = String(**AT_TIMES)
    file_url = String(**AT_TIMES)
    file_id = String(**AT_TIMES)
    filename = String(**AT_TIMES)
    detail = String(**AT_TIMES)


_SAID = (OutputTextSchema(), RefusalSchema())
_GIVEN = (GivenTextSchema(), GivenImageSchema(), GivenFileSchema())
OUTPUT_PART = OneOf(*_SAID)


class OutputMessageSchema(WireSchema):
    about = "What the model said."

    id = String(shortest=1, **ALWAYS)
    type = Choice("message", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    role = Choice("assistant", **ALWAYS)
    content = ListOf(OUTPUT_PART, **ALWAYS)
    phase = Choice("commentary", "final_answer", **AT_TIMES)


class MessageSchema(OutputMessageSchema):
    about = "What somebody said."

    role = Choice("user", "assistant", "system", "developer", **ALWAYS)
    content = ListOf(OneOf(GivenOutputTextSchema(), RefusalSchema(), *_GIVEN), **ALWAYS)


class FunctionCallSchema(WireSchema):
    about = "A call that the caller is to make. `arguments` is the model's JSON, as text."

    id = String(shortest=1, **ALWAYS)
    type = Choice("function_call", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    call_id = String(shortest=1, longest=64, **ALWAYS)
    name = String(**ALWAYS)
    arguments = String(**ALWAYS)


class FunctionOutputEcho(StrictField):
    """A string, or content parts."""

    _parts = ListOf(OneOf(*_GIVEN))

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        if type(value) is list:
            self._parts.check(value, self.path(at), context)
        elif type(value) is not str:
            raise self.mistyped(at, "a string or an array", value)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, self._parts.json_schema(refer)]}


class FunctionCallOutputSchema(WireSchema):
    about = "What a function gave back."

    id = String(shortest=1, **ALWAYS)
    type = Choice("function_call_output", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    call_id = String(shortest=1, longest=64, **ALWAYS)
    output = FunctionOutputEcho(**ALWAYS)


class SummaryTextSchema(WireSchema):
    type = Choice("summary_text", **ALWAYS)
    text = String(**ALWAYS)


class ReasoningTextSchema(WireSchema):
    type = Choice("reasoning_text", **ALWAYS)
    text = String(**ALWAYS)


SUMMARY_TEXT = SummaryTextSchema()


class ReasoningSchema(WireSchema):
    about = "What the model thought. Send it back unchanged with the next request."

    id = String(shortest=1, **ALWAYS)
    type = Choice("reasoning", **ALWAYS)
    summary = ListOf(SUMMARY_TEXT, **ALWAYS)
    content = ListOf(ReasoningTextSchema(), **AT_TIMES)
    encrypted_content = String(about="Opaque.", **AT_TIMES)


_CALL, _REASONING = FunctionCallSchema(), ReasoningSchema()
OUTPUT_ITEM = OneOf(OutputMessageSchema(), _CALL, _REASONING)
ITEM = OneOf(MessageSchema(), _CALL, FunctionCallOutputSchema(), _REASONING)
