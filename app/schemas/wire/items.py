"""Items and content parts as responses, events and lists show them."""

from __future__ import annotations

import math
from typing import Any

from app.schemas.document import Notes, Refer, Strict
from app.schemas.fields import Bytes, Choice, FreeObjects, Listed, OneOf, Real, Text, Whole
from app.schemas.wire.document import ALWAYS, AT_TIMES, Told

_STATUSES = ("in_progress", "completed", "incomplete")


class AlternativeTokenSchema(Told):
    token = Text(**ALWAYS)
    logprob = Real(-math.inf, math.inf, **ALWAYS)
    bytes = Bytes(**ALWAYS)


class TokenSchema(AlternativeTokenSchema):
    about = "How likely a token of the text was, and which others were."

    top_logprobs = Listed(AlternativeTokenSchema(), **ALWAYS)


class UrlCitationSchema(Told):
    type = Choice("url_citation", **ALWAYS)
    url = Text(**ALWAYS)
    title = Text(**ALWAYS)
    start_index = Whole(0, **ALWAYS)
    end_index = Whole(0, **ALWAYS)


class FileCitationSchema(Told):
    type = Choice("file_citation", **ALWAYS)
    file_id = Text(**ALWAYS)
    filename = Text(**ALWAYS)
    index = Whole(0, **ALWAYS)


class ContainerFileCitationSchema(Told):
    type = Choice("container_file_citation", **ALWAYS)
    container_id = Text(**ALWAYS)
    file_id = Text(**ALWAYS)
    filename = Text(**ALWAYS)
    start_index = Whole(0, **ALWAYS)
    end_index = Whole(0, **ALWAYS)


class FilePathSchema(Told):
    type = Choice("file_path", **ALWAYS)
    file_id = Text(**ALWAYS)
    index = Whole(0, **ALWAYS)


TOKEN = TokenSchema()
ANNOTATION = OneOf(
    UrlCitationSchema(), FileCitationSchema(), ContainerFileCitationSchema(), FilePathSchema()
)


class OutputTextSchema(Told):
    type = Choice("output_text", **ALWAYS)
    text = Text(**ALWAYS)
    annotations = Listed(ANNOTATION, **ALWAYS)
    logprobs = Listed(TOKEN, **ALWAYS)


class GivenOutputTextSchema(Told):
    about = "What a caller sent as an assistant's words, with notes of whatever form it gave them."

    type = Choice("output_text", **ALWAYS)
    text = Text(**ALWAYS)
    annotations = FreeObjects(**ALWAYS)
    logprobs = FreeObjects(**ALWAYS)


class RefusalSchema(Told):
    type = Choice("refusal", **ALWAYS)
    refusal = Text(**ALWAYS)


class GivenTextSchema(Told):
    type = Choice("input_text", **ALWAYS)
    text = Text(**ALWAYS)


class GivenImageSchema(Told):
    type = Choice("input_image", **ALWAYS)
    detail = Text(**ALWAYS)
    image_url = Text(**AT_TIMES)
    file_id = Text(**AT_TIMES)


class GivenFileSchema(Told):
    type = Choice("input_file", **ALWAYS)
    file_data = Text(**AT_TIMES)
    file_url = Text(**AT_TIMES)
    file_id = Text(**AT_TIMES)
    filename = Text(**AT_TIMES)
    detail = Text(**AT_TIMES)


_SAID = (OutputTextSchema(), RefusalSchema())
_GIVEN = (GivenTextSchema(), GivenImageSchema(), GivenFileSchema())
OUTPUT_PART = OneOf(*_SAID)


class OutputMessageSchema(Told):
    about = "What the model said."

    id = Text(shortest=1, **ALWAYS)
    type = Choice("message", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    role = Choice("assistant", **ALWAYS)
    content = Listed(OUTPUT_PART, **ALWAYS)
    phase = Choice("commentary", "final_answer", **AT_TIMES)


class MessageSchema(OutputMessageSchema):
    about = "What somebody said."

    role = Choice("user", "assistant", "system", "developer", **ALWAYS)
    content = Listed(OneOf(GivenOutputTextSchema(), RefusalSchema(), *_GIVEN), **ALWAYS)


class FunctionCallSchema(Told):
    about = "A call that the caller is to make. `arguments` is the model's JSON, as text."

    id = Text(shortest=1, **ALWAYS)
    type = Choice("function_call", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    call_id = Text(shortest=1, longest=64, **ALWAYS)
    name = Text(**ALWAYS)
    arguments = Text(**ALWAYS)


class GivenOutput(Strict):
    """A string, or content parts."""

    _parts = Listed(OneOf(*_GIVEN))

    def check(self, value: Any, at: str, notes: Notes) -> Any:
        if type(value) is list:
            self._parts.check(value, self.path(at), notes)
        elif type(value) is not str:
            raise self.mistyped(at, "a string or an array", value)
        return value

    def shape(self, refer: Refer) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, self._parts.shape(refer)]}


class FunctionCallOutputSchema(Told):
    about = "What a function gave back."

    id = Text(shortest=1, **ALWAYS)
    type = Choice("function_call_output", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    call_id = Text(shortest=1, longest=64, **ALWAYS)
    output = GivenOutput(**ALWAYS)


class SummaryTextSchema(Told):
    type = Choice("summary_text", **ALWAYS)
    text = Text(**ALWAYS)


class ReasoningTextSchema(Told):
    type = Choice("reasoning_text", **ALWAYS)
    text = Text(**ALWAYS)


SUMMARY_TEXT = SummaryTextSchema()


class ReasoningSchema(Told):
    about = "What the model thought. Send it back unchanged with the next request."

    id = Text(shortest=1, **ALWAYS)
    type = Choice("reasoning", **ALWAYS)
    summary = Listed(SUMMARY_TEXT, **ALWAYS)
    content = Listed(ReasoningTextSchema(), **AT_TIMES)
    encrypted_content = Text(about="Opaque.", **AT_TIMES)


_CALL, _REASONING = FunctionCallSchema(), ReasoningSchema()
OUTPUT_ITEM = OneOf(OutputMessageSchema(), _CALL, _REASONING)
ITEM = OneOf(MessageSchema(), _CALL, FunctionCallOutputSchema(), _REASONING)
