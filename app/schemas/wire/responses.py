"""The response object, whole, as it is at every moment of its life (CONTRACT section 4).

`app.schemas.responses.response_json` writes it straight from the values, since a dump through
marshmallow costs more than all the rest of the writing; the tests hold it to this declaration.
"""

from __future__ import annotations

from typing import Any

from app.schemas.document import Notes, Refer
from app.schemas.fields import (
    Choice,
    Flag,
    FreeObject,
    Listed,
    Nested,
    OneOf,
    Real,
    Text,
    TextMap,
    Whole,
)
from app.schemas.wire.document import ALWAYS, OR_NULL, Told
from app.schemas.wire.items import OUTPUT_ITEM


class ResponseErrorSchema(Told):
    code = Text(**ALWAYS)
    message = Text(**ALWAYS)


class IncompleteDetailsSchema(Told):
    reason = Choice("max_output_tokens", "content_filter", **ALWAYS)


class InputTokensDetailsSchema(Told):
    cached_tokens = Whole(0, **ALWAYS)
    cache_write_tokens = Whole(0, **ALWAYS)


class OutputTokensDetailsSchema(Told):
    reasoning_tokens = Whole(0, **ALWAYS)


class UsageSchema(Told):
    about = "What the response cost, in tokens; 0 where the upstream does not count."

    input_tokens = Whole(0, **ALWAYS)
    input_tokens_details = Nested(InputTokensDetailsSchema(), **ALWAYS)
    output_tokens = Whole(0, **ALWAYS)
    output_tokens_details = Nested(OutputTokensDetailsSchema(), **ALWAYS)
    total_tokens = Whole(0, **ALWAYS)


class ReasoningEchoSchema(Told):
    effort = Text(**OR_NULL)
    summary = Text(**OR_NULL)


class PlainFormatSchema(Told):
    type = Choice("text", "json_object", **ALWAYS)


class JsonSchemaFormatSchema(Told):
    type = Choice("json_schema", **ALWAYS)
    name = Text(**ALWAYS)
    description = Text(**OR_NULL)
    schema = FreeObject(**ALWAYS)
    strict = Flag(**OR_NULL)


class TextEchoSchema(Told):
    format = Nested(OneOf(PlainFormatSchema(), JsonSchemaFormatSchema()), **ALWAYS)
    verbosity = Choice("low", "medium", "high", **ALWAYS)


class FunctionToolSchema(Told):
    about = "A function tool, always with all five keys."

    type = Choice("function", **ALWAYS)
    name = Text(**ALWAYS)
    description = Text(**OR_NULL)
    parameters = FreeObject(**OR_NULL)
    strict = Flag(**OR_NULL)


class NamedFunctionSchema(Told):
    type = Choice("function", **ALWAYS)
    name = Text(**ALWAYS)


class AllowedToolsSchema(Told):
    type = Choice("allowed_tools", **ALWAYS)
    mode = Choice("auto", "required", **ALWAYS)
    tools = Listed(NamedFunctionSchema(), **ALWAYS)


class ToolChoiceEcho(Choice):
    """A mode, one function, or several."""

    _object = OneOf(NamedFunctionSchema(), AllowedToolsSchema())

    def check(self, value: Any, at: str, notes: Notes) -> Any:
        if type(value) is dict:
            return self._object.read(value, self.path(at), notes)
        return super().check(value, at, notes)

    def shape(self, refer: Refer) -> dict[str, Any]:
        return {"anyOf": [super().shape(refer), self._object.shape(refer)]}


class ResponseSchema(Told):
    about = "A response. `output` is empty and `usage` null until there is something to tell."

    id = Text(pattern="resp_[A-Za-z0-9_-]{1,123}", hint="must begin with resp_", **ALWAYS)
    object = Choice("response", **ALWAYS)
    created_at = Whole(0, about="Unix seconds.", **ALWAYS)
    completed_at = Whole(0, about="Unix seconds; null unless completed.", **OR_NULL)
    status = Choice(
        "queued", "in_progress", "completed", "incomplete", "failed", "cancelled", **ALWAYS
    )
    error = Nested(ResponseErrorSchema(), **OR_NULL)
    incomplete_details = Nested(IncompleteDetailsSchema(), **OR_NULL)
    model = Text(about="The model's id as it was asked for.", **ALWAYS)
    output = Listed(OUTPUT_ITEM, **ALWAYS)
    output_text = Text(about="The text of every output_text part, joined.", **ALWAYS)
    service_tier = Text(**ALWAYS)
    usage = Nested(UsageSchema(), **OR_NULL)
    background = Flag(**ALWAYS)
    frequency_penalty = Real(-2, 2, **ALWAYS)
    instructions = Text(**OR_NULL)
    max_output_tokens = Whole(1, **OR_NULL)
    max_tool_calls = Whole(1, **OR_NULL)
    metadata = TextMap(16, 64, 512, **ALWAYS)
    parallel_tool_calls = Flag(**ALWAYS)
    presence_penalty = Real(-2, 2, **ALWAYS)
    previous_response_id = Text(**OR_NULL)
    prompt_cache_key = Text(**OR_NULL)
    prompt_cache_retention = Text(**OR_NULL)
    reasoning = Nested(ReasoningEchoSchema(), **ALWAYS)
    safety_identifier = Text(**OR_NULL)
    store = Flag(**ALWAYS)
    temperature = Real(0, 2, **ALWAYS)
    text = Nested(TextEchoSchema(), **ALWAYS)
    tool_choice = ToolChoiceEcho("none", "auto", "required", **ALWAYS)
    tools = Listed(FunctionToolSchema(), **ALWAYS)
    top_logprobs = Whole(0, 20, **ALWAYS)
    top_p = Real(0, 1, **ALWAYS)
    truncation = Choice("auto", "disabled", **ALWAYS)
    user = Text(**OR_NULL)
