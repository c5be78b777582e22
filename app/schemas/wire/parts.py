"""Content parts as responses, events and lists contain them, with annotations and logprobs."""

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
    about = "An alternative token and its log probability."

    token = String(**ALWAYS)
    logprob = Number(-math.inf, math.inf, **ALWAYS)
    bytes = ByteArray(**ALWAYS)


class TokenSchema(AlternativeTokenSchema):
    about = "The log probability of a token of the text, and its most likely alternatives."

    top_logprobs = ListOf(
        AlternativeTokenSchema(), about="The most likely tokens at this position.", **ALWAYS
    )


class UrlCitationSchema(WireSchema):
    about = "A web page that the text cites."

    type = Choice("url_citation", **ALWAYS)
    url = String(**ALWAYS)
    title = String(about="The title of the page.", **ALWAYS)
    start_index = Integer(0, **ALWAYS)
    end_index = Integer(0, **ALWAYS)


class FileCitationSchema(WireSchema):
    about = "A file that the text cites."

    type = Choice("file_citation", **ALWAYS)
    file_id = String(**ALWAYS)
    filename = String(**ALWAYS)
    index = Integer(0, **ALWAYS)


class ContainerFileCitationSchema(WireSchema):
    about = "A file in a container that the text cites."

    type = Choice("container_file_citation", **ALWAYS)
    container_id = String(**ALWAYS)
    file_id = String(**ALWAYS)
    filename = String(**ALWAYS)
    start_index = Integer(0, **ALWAYS)
    end_index = Integer(0, **ALWAYS)


class FilePathSchema(WireSchema):
    about = "A file that a tool created, at the place where the text refers to it."

    type = Choice("file_path", **ALWAYS)
    file_id = String(**ALWAYS)
    index = Integer(0, **ALWAYS)


TOKEN = TokenSchema()
ANNOTATION: OneOf[dict[str, object]] = OneOf(
    UrlCitationSchema(), FileCitationSchema(), ContainerFileCitationSchema(), FilePathSchema()
)


class OutputTextSchema(ValueSchema[OutputText]):
    about = "Text from the model."
    values = (OutputText,)

    type = Choice("output_text", **ALWAYS)
    text = String(**ALWAYS)
    annotations = ListOf(ANNOTATION, **ALWAYS)
    logprobs = ListOf(TOKEN, **ALWAYS)


class GivenOutputTextSchema(ValueSchema[OutputText]):
    about = (
        "Assistant text that a caller sent, with its annotations in whatever form they were sent."
    )
    values = (OutputText,)

    type = Choice("output_text", **ALWAYS)
    text = String(**ALWAYS)
    annotations = FreeObjects(**ALWAYS)
    logprobs = FreeObjects(**ALWAYS)


class RefusalSchema(ValueSchema[Refusal]):
    about = "The model's refusal text."
    values = (Refusal,)

    type = Choice("refusal", **ALWAYS)
    refusal = String(**ALWAYS)


class CacheBreakpointSchema(ValueSchema[CacheBreakpoint]):
    about = "The end of a prompt prefix to cache."
    values = (CacheBreakpoint,)

    mode = Choice("explicit", about="The cache mode: at the places that are marked.", **ALWAYS)
    ttl = String(**AT_TIMES)


CACHE_BREAKPOINT = CacheBreakpointSchema()


class GivenTextSchema(ValueSchema[InputText]):
    about = "Text from the caller."
    values = (InputText,)

    type = Choice("input_text", **ALWAYS)
    text = String(**ALWAYS)
    prompt_cache_breakpoint = Nested(CACHE_BREAKPOINT, **AT_TIMES)


class GivenImageSchema(ValueSchema[InputImage]):
    about = "An image from the caller."
    values = (InputImage,)

    type = Choice("input_image", **ALWAYS)
    detail = String(**ALWAYS)
    image_url = String(about="The image, as an http(s) URL or a data URL.", **AT_TIMES)
    file_id = String(**AT_TIMES)
    prompt_cache_breakpoint = Nested(CACHE_BREAKPOINT, **AT_TIMES)


class GivenFileSchema(ValueSchema[InputFile]):
    about = "A file from the caller."
    values = (InputFile,)

    type = Choice("input_file", **ALWAYS)
    file_data = String(about="The file, in plain Base64 or as a data URL.", **AT_TIMES)
    file_url = String(about="The file, as an http(s) URL.", **AT_TIMES)
    file_id = String(**AT_TIMES)
    filename = String(**AT_TIMES)
    detail = String(**AT_TIMES)
    prompt_cache_breakpoint = Nested(CACHE_BREAKPOINT, **AT_TIMES)


class SummaryTextSchema(ValueSchema[str]):
    about = "A part of a reasoning summary."
    values = (str,)

    type = Choice("summary_text", **ALWAYS)
    text = String(itself=True, **ALWAYS)


class ReasoningTextSchema(ValueSchema[str]):
    about = "A part of the reasoning text."
    values = (str,)

    type = Choice("reasoning_text", **ALWAYS)
    text = String(itself=True, **ALWAYS)


_REFUSAL = RefusalSchema()
_GIVEN = (GivenTextSchema(), GivenImageSchema(), GivenFileSchema())
SUMMARY_TEXT, REASONING_TEXT = SummaryTextSchema(), ReasoningTextSchema()
#: Parts that a model made.
OUTPUT_PART: OneOf[OutputPart] = OneOf(OutputTextSchema(), _REFUSAL)
#: Parts that a caller sent, and all parts that a message may contain.
INPUT_PART: OneOf[InputPart] = OneOf(*_GIVEN)
PART: OneOf[ContentPart] = OneOf(GivenOutputTextSchema(), _REFUSAL, *_GIVEN)
