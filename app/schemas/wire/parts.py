"""Content parts as responses, events and lists show them, with what is noted of their text."""

from __future__ import annotations

import math

from app.domain.items import (
    CacheBreakpoint,
    ContentPart,
    InputFile,
    InputImage,
    InputPart,
    InputText,
    OutputPart,
    OutputText,
    Refusal,
)
from app.schemas.fields import ByteArray, Choice, FreeObjects, Integer, Number, String
from app.schemas.nesting import ListOf, Nested, OneOf
from app.schemas.wire.document import ALWAYS, AT_TIMES, ValueSchema, WireSchema


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
ANNOTATION: OneOf[dict[str, object]] = OneOf(
    UrlCitationSchema(), FileCitationSchema(), ContainerFileCitationSchema(), FilePathSchema()
)


class OutputTextSchema(ValueSchema[OutputText]):
    values = (OutputText,)

    type = Choice("output_text", **ALWAYS)
    text = String(**ALWAYS)
    annotations = ListOf(ANNOTATION, **ALWAYS)
    logprobs = ListOf(TOKEN, **ALWAYS)


class GivenOutputTextSchema(ValueSchema[OutputText]):
    about = "What a caller sent as an assistant's words, with notes of whatever form it gave them."
    values = (OutputText,)

    type = Choice("output_text", **ALWAYS)
    text = String(**ALWAYS)
    annotations = FreeObjects(**ALWAYS)
    logprobs = FreeObjects(**ALWAYS)


class RefusalSchema(ValueSchema[Refusal]):
    values = (Refusal,)

    type = Choice("refusal", **ALWAYS)
    refusal = String(**ALWAYS)


class CacheBreakpointSchema(ValueSchema[CacheBreakpoint]):
    about = "The end of a prefix that is to be cached."
    values = (CacheBreakpoint,)

    mode = Choice("explicit", **ALWAYS)
    ttl = String(**AT_TIMES)


CACHE_BREAKPOINT = CacheBreakpointSchema()


class GivenTextSchema(ValueSchema[InputText]):
    values = (InputText,)

    type = Choice("input_text", **ALWAYS)
    text = String(**ALWAYS)
    prompt_cache_breakpoint = Nested(CACHE_BREAKPOINT, **AT_TIMES)


class GivenImageSchema(ValueSchema[InputImage]):
    values = (InputImage,)

    type = Choice("input_image", **ALWAYS)
    detail = String(**ALWAYS)
    image_url = String(**AT_TIMES)
    file_id = String(**AT_TIMES)
    prompt_cache_breakpoint = Nested(CACHE_BREAKPOINT, **AT_TIMES)


class GivenFileSchema(ValueSchema[InputFile]):
    values = (InputFile,)

    type = Choice("input_file", **ALWAYS)
    file_data = String(**AT_TIMES)
    file_url = String(**AT_TIMES)
    file_id = String(**AT_TIMES)
    filename = String(**AT_TIMES)
    detail = String(**AT_TIMES)
    prompt_cache_breakpoint = Nested(CACHE_BREAKPOINT, **AT_TIMES)


class SummaryTextSchema(ValueSchema[str]):
    values = (str,)

    type = Choice("summary_text", **ALWAYS)
    text = String(itself=True, **ALWAYS)


class ReasoningTextSchema(ValueSchema[str]):
    values = (str,)

    type = Choice("reasoning_text", **ALWAYS)
    text = String(itself=True, **ALWAYS)


_REFUSAL = RefusalSchema()
_GIVEN = (GivenTextSchema(), GivenImageSchema(), GivenFileSchema())
SUMMARY_TEXT, REASONING_TEXT = SummaryTextSchema(), ReasoningTextSchema()
#: What a model made.
OUTPUT_PART: OneOf[OutputPart] = OneOf(OutputTextSchema(), _REFUSAL)
#: What a caller sent beside a text, and whatever a message may hold.
INPUT_PART: OneOf[InputPart] = OneOf(*_GIVEN)
PART: OneOf[ContentPart] = OneOf(GivenOutputTextSchema(), _REFUSAL, *_GIVEN)
