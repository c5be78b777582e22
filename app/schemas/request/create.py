"""The body of POST /v1/responses: from JSON to a CreateRequest, or to an error for its first fault.

`{"model": "gpt-5", "input": "Hi", "temperature": 0.5}` becomes `CreateRequest(model="gpt-5",
input=(Message(…),), parameters=Parameters(temperature=0.5))`; `"temperature": "hot"` is refused:
`'temperature' must be a number, not a string.`
"""

from __future__ import annotations

import dataclasses
from typing import Any

from app.domain.answer_options import ReasoningOptions
from app.domain.models import EFFORTS
from app.domain.request import NO_PARAMETERS, CreateRequest, Parameters
from app.schemas.document import Document
from app.schemas.field import ReadContext
from app.schemas.fields import Boolean, Choice, Integer, Number, String, TextMap
from app.schemas.nesting import Nested
from app.schemas.request.foreign import ChatParametersSchema, ModerationField, UnsupportedField
from app.schemas.request.items.compactions import ContextManagementField
from app.schemas.request.items.input import InputField
from app.schemas.request.parameters.fields import (
    ConversationField,
    IncludeField,
    ModelField,
    PreviousResponseField,
)
from app.schemas.request.parameters.rules import settle_retention, settle_together
from app.schemas.request.prompt_cache import InputCacheOptionsSchema
from app.schemas.request.text_options import TextOptionsSchema
from app.schemas.request.tool_choice import ToolChoiceField
from app.schemas.request.tools.field import ToolsField
from app.settings import MOST_RETENTION_DAYS

_MOST_TOKENS = 2**31 - 1
_LONGEST_IDENTIFIER, _LONGEST_SAFETY_IDENTIFIER = 64, 128


class ReasoningOptionsSchema(Document):
    about = "Settings for reasoning models."

    effort = Choice(*EFFORTS)
    summary = Choice(
        "none", "auto", "concise", "detailed", about="The kind of reasoning summary to return."
    )
    generate_summary = Choice(
        "none", "auto", "concise", "detailed", about="The old name of `summary`."
    )

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> Any:
        summary = found.get("summary") or found.get("generate_summary")
        return ReasoningOptions(found.get("effort"), summary) if found else None


class StreamOptionsSchema(Document):
    about = "Options of the stream; deltas are never obfuscated."

    include_obfuscation = Boolean(about="true is accepted, and listed in `X-Ignored-Parameters`.")

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> Any:
        if found.get("include_obfuscation"):
            context.ignore(f"{path}.include_obfuscation")
        return found


class CreateRequestSchema(ChatParametersSchema):
    about = "The parameters of a response. null is the same as leaving a parameter out."

    model = ModelField(
        required=True,
        shortest=1,
        longest=256,
        about="The id of the model, as listed by `GET /v1/models`.",
    )
    input = InputField(
        about="The input: a string, which is a user message, or an array of items. Optional with "
        "previous_response_id or conversation."
    )
    instructions = String(
        about="Instructions for the model, placed before all of the input. They apply to this "
        "response only; later responses do not inherit them."
    )
    max_output_tokens = Integer(
        16, _MOST_TOKENS, about="The maximum number of output tokens, including reasoning tokens."
    )
    max_tool_calls = Integer(1, _MOST_TOKENS, about="The maximum number of hosted tool calls.")
    temperature = Number(
        0,
        2,
        default=1,
        about="The sampling temperature: the higher, the more random the output; "
        "0 is hardly random at all.",
    )
    top_p = Number(
        0,
        1,
        default=1,
        about="Nucleus sampling: only the most likely tokens with this total "
        "probability are considered.",
    )
    presence_penalty = Number(
        -2,
        2,
        default=0,
        about="Values above 0 make tokens that already occur in the text less likely.",
    )
    frequency_penalty = Number(
        -2,
        2,
        default=0,
        about="Values above 0 make tokens less likely the more often they occur in the text.",
    )
    top_logprobs = Integer(
        0,
        20,
        default=0,
        about="The number of most likely alternatives to return for each token of the text.",
    )
    tools = ToolsField(default=[], about="The tools that the model may call.")
    tool_choice = ToolChoiceField(
        default="auto", about="Whether the model may, must or must not call tools, or which ones."
    )
    parallel_tool_calls = Boolean(
        default=True, about="Whether the model may call several tools at once."
    )
    stream = Boolean(
        default=False, about="Whether to stream the response as events while it is generated."
    )
    stream_options = Nested(StreamOptionsSchema(), about="Options for streaming.")
    store = Boolean(
        default=True,
        about="Whether to store the response, so that it can be retrieved and continued later.",
    )
    retention_days = Integer(
        0,
        MOST_RETENTION_DAYS,
        about="The number of days to keep the response; 0 is the same as store: false. The default "
        "is the account's setting.",
    )
    retentionDays = Integer(  # noqa: N815 - as callers write it
        0, MOST_RETENTION_DAYS, about="The same as retention_days."
    )
    previous_response_id = PreviousResponseField(
        about="The id of the stored response to continue: its whole context comes before the input."
    )
    conversation = ConversationField(
        about="The conversation to continue and to add items to. Cannot be used with "
        "previous_response_id."
    )
    background = Boolean(
        default=False,
        about="Whether to generate the response in the background: the call returns at once with "
        "the status `queued`. Requires store, and cannot be used with stream.",
    )
    reasoning = Nested(
        ReasoningOptionsSchema(),
        example='{"effort": "high"}',
        about="Settings for reasoning models: the effort, and the summary to return.",
    )
    text = Nested(
        TextOptionsSchema(),
        example='{"format": {"type": "text"}}',
        about="Settings for the text of the response: its format and verbosity.",
    )
    metadata = TextMap(
        16,
        64,
        512,
        default={},
        about="Key-value pairs set by the caller, stored with the response.",
    )
    truncation = Choice(
        "auto",
        "disabled",
        default="disabled",
        about="What to do if the input exceeds the model's context window: `auto` drops the oldest "
        "turns, `disabled` rejects the request.",
    )
    user = String(about="An identifier of the end user; see `safety_identifier`.")
    safety_identifier = String(
        longest=_LONGEST_SAFETY_IDENTIFIER,
        about="A stable identifier of the end user that does not reveal who they are.",
    )
    prompt_cache_key = String(
        longest=_LONGEST_IDENTIFIER,
        about="A key shared by requests with the same prefix, for the upstream's prompt cache.",
    )
    prompt_cache_retention = Choice(
        "in_memory", "24h", about="How long the upstream may keep the prompt in its cache."
    )
    prompt_cache_options = Nested(
        InputCacheOptionsSchema(), about="Which parts of the prompt are cached, and for how long."
    )
    service_tier = Choice(
        *("auto", "default", "flex", "priority", "fast", "scale", "ultrafast"),
        default="auto",
        about="The upstream's service tier; responses show the one that was used.",
    )
    seed = Integer(
        -(2**63),
        2**63 - 1,
        about="Makes equal requests return similar results, if the upstream supports it.",
    )
    include = IncludeField(about="Additional data to return.")
    context_management = ContextManagementField(
        about="When to compact the input: above a number of tokens, the output begins with a "
        "compaction."
    )
    moderation = ModerationField(
        about='Has an effect only if it is forwarded to the provider; otherwise the mode "block" '
        "is rejected."
    )
    prompt = UnsupportedField("send the text of the template as instructions and input.")

    def load(  # type: ignore[override]
        self, data: Any, *, context: ReadContext | None = None
    ) -> CreateRequest:
        """Return the request of a parsed body; ids that it does not contain are "".

        Raises:
            InvalidField: the first fault of the body; `param` is its path (R3, R4).
        """
        request: CreateRequest = self.read(data, "", context or ReadContext())
        return request

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> CreateRequest:
        settle_retention(found, context)
        settle_together(found, context)
        if context.trigger:  # these do not apply to a summary (G7)
            for name in found.keys() & {"text", "top_logprobs"}:
                context.ignore(name)
        return CreateRequest(
            parameters=_shaping(found),
            ignored=tuple(context.ignored),
            forwarded=context.forwarded,
            passed=context.policy,
            has_cache_breakpoints=context.has_cache_breakpoints,
            detailed_parts=frozenset(context.detailed_parts),
            only_searches=context.only_searches,
            compaction="trigger" if context.trigger else None,
            compact_threshold=found.get("context_management"),
            **{name: found[name] for name in found if name in _REQUEST},
        )


def _shaping(found: dict[str, Any]) -> Parameters:
    if _SHAPING.isdisjoint(found):
        return NO_PARAMETERS
    return Parameters(**{name: found[name] for name in found if name in _SHAPING})


class InputTokensSchema(CreateRequestSchema):
    about = "The request whose input tokens are counted. No response is generated."

    model = ModelField(
        shortest=1,
        longest=256,
        about="The model whose tokens are counted; without a model, the count is an estimate.",
    )
    input = InputField(
        about="The input to count. Optional with previous_response_id or conversation."
    )

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> CreateRequest:
        found.setdefault("model", "")
        return super().build(found, path, context)


_SHAPING = frozenset(each.name for each in dataclasses.fields(Parameters))
_REQUEST = frozenset(each.name for each in dataclasses.fields(CreateRequest))
CREATE_REQUEST = CreateRequestSchema()
INPUT_TOKENS_REQUEST = InputTokensSchema()
