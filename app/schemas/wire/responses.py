"""The response object, whole, as it is at every moment of its life.

`app.schemas.responses.response_json` writes it straight from the values, since a dump through
marshmallow costs more than all the rest of the writing; the tests hold it to this declaration.
"""

from __future__ import annotations

from typing import Any

from app.schemas.document import ReadContext, Refer
from app.schemas.fields import (
    Boolean,
    Choice,
    FreeObject,
    Integer,
    ListOf,
    Nested,
    Number,
    OneOf,
    String,
    TextMap,
)
from app.schemas.wire.document import ALWAYS, OR_NULL, WireSchema
from app.schemas.wire.items import OUTPUT_ITEM


class ResponseErrorSchema(WireSchema):
    code = String(**ALWAYS)
    message = String(**ALWAYS)


class IncompleteDetailsSchema(WireSchema):
    reason = Choice("max_output_tokens", "content_filter", **ALWAYS)


class InputTokensDetailsSchema(WireSchema):
    cached_tokens = Integer(0, **ALWAYS)
    cache_write_tokens = Integer(0, **ALWAYS)


class OutputTokensDetailsSchema(WireSchema):
    reasoning_tokens = Integer(0, **ALWAYS)


class UsageSchema(WireSchema):
    about = "What the response cost, in tokens; 0 where the upstream does not count."

    input_tokens = Integer(0, **ALWAYS)
    input_tokens_details = Nested(InputTokensDetailsSchema(), **ALWAYS)
    output_tokens = Integer(0, **ALWAYS)
    output_tokens_details = Nested(OutputTokensDetailsSchema(), **ALWAYS)
    total_tokens = Integer(0, **ALWAYS)


class ReasoningEchoSchema(WireSchema):
    effort = String(**OR_NULL)
    summary = String(**OR_NULL)


class PlainFormatSchema(WireSchema):
    type = Choice("text", "json_object", **ALWAYS)


class JsonSchemaFormatSchema(WireSchema):
    type = Choice("json_schema", **ALWAYS)
    name = String(**ALWAYS)
    description = String(**OR_NULL)
    schema = FreeObject(**ALWAYS)
    strict = Boolean(**OR_NULL)


class TextEchoSchema(WireSchema):
    format = Nested(OneOf(PlainFormatSchema(), JsonSchemaFormatSchema()), **ALWAYS)
    verbosity = Choice("low", "medium", "high", **ALWAYS)


class FunctionToolSchema(WireSchema):
    about = "A function tool, always with all five keys."

    type = Choice("function", **ALWAYS)
    name = String(**ALWAYS)
    description = String(**OR_NULL)
    parameters = FreeObject(**OR_NULL)
    strict = Boolean(**OR_NULL)


class NamedFunctionSchema(WireSchema):
    type = Choice("function", **ALWAYS)
    name = String(**ALWAYS)


class AllowedToolsSchema(WireSchema):
    type = Choice("allowed_tools", **ALWAYS)
    mode = Choice("auto", "required", **ALWAYS)
    tools = ListOf(NamedFunctionSchema(), **ALWAYS)


class ToolChoiceEcho(Choice):
    """A mode, one function, or several."""

    _object = OneOf(NamedFunctionSchema(), AllowedToolsSchema())

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        if type(value) is dict:
            return self._object.read(value, self.path(at), context)
        return super().check(value, at, context)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"anyOf": [super().json_schema(refer), self._object.json_schema(refer)]}


class ResponseSchema(WireSchema):
    about = "A response. `output` is empty and `usage` null until there is something to show."

    id = String(pattern="resp_[A-Za-z0-9_-]{1,123}", hint="must begin with resp_", **ALWAYS)
    object = Choice("response", **ALWAYS)
    created_at = Integer(0, about="Unix seconds.", **ALWAYS)
    completed_at = Integer(0, about="Unix seconds; null unless completed.", **OR_NULL)
    status = Choice(
        "queued", "in_progress", "completed", "incomplete", "failed", "cancelled", **ALWAYS
    )
    error = Nested(ResponseErrorSchema(), **OR_NULL)
    incomplete_details = Nested(IncompleteDetailsSchema(), **OR_NULL)
    model = String(about="The model's id as it was asked for.", **ALWAYS)
    output = ListOf(OUTPUT_ITEM, **ALWAYS)
    output_text = String(about="The text of every output_text part, joined.", **ALWAYS)
    service_tier = String(**ALWAYS)
    usage = Nested(UsageSchema(), **OR_NULL)
    background = Boolean(**ALWAYS)
    frequency_penalty = Number(-2, 2, **ALWAYS)
    instructions = String(**OR_NULL)
    max_output_tokens = Integer(1, **OR_NULL)
    max_tool_calls = Integer(1, **OR_NULL)
    metadata = TextMap(16, 64, 512, **ALWAYS)
    parallel_tool_calls = Boolean(**ALWAYS)
    presence_penalty = Number(-2, 2, **ALWAYS)
    previous_response_id = String(**OR_NULL)
    prompt_cache_key = String(**OR_NULL)
    prompt_cache_retention = String(**OR_NULL)
    reasoning = Nested(ReasoningEchoSchema(), **ALWAYS)
    safety_identifier = String(**OR_NULL)
    store = Boolean(**ALWAYS)
    temperature = Number(0, 2, **ALWAYS)
    text = Nested(TextEchoSchema(), **ALWAYS)
    tool_choice = ToolChoiceEcho("none", "auto", "required", **ALWAYS)
    tools = ListOf(FunctionToolSchema(), **ALWAYS)
    top_logprobs = Integer(0, 20, **ALWAYS)
    top_p = Number(0, 1, **ALWAYS)
    truncation = Choice("auto", "disabled", **ALWAYS)
    user = String(**OR_NULL)
