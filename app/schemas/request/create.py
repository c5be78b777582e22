"""The body of POST /v1/responses: from JSON to a CreateRequest, or to an error for its first fault.

`{"model": "gpt-5", "input": "Hi", "temperature": 0.5}` becomes `CreateRequest(model="gpt-5",
input=(Message(…),), parameters=Parameters(temperature=0.5))`; `"temperature": "hot"` is refused:
`'temperature' must be a number, not a string.`
"""

from __future__ import annotations

import dataclasses
from typing import Any

from app.domain.answer_options import ReasoningOptions
from app.domain.request import NO_PARAMETERS, CreateRequest, Parameters
from app.schemas.document import Document
from app.schemas.field import ReadContext
from app.schemas.fields import Boolean, Choice, Integer, Number, String, TextMap
from app.schemas.nesting import Nested
from app.schemas.request.bounds import EFFORTS
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
    about = "How a reasoning model thinks."

    effort = Choice(*EFFORTS)
    summary = Choice("none", "auto", "concise", "detailed", about="How much of it is shown.")
    generate_summary = Choice(
        "none", "auto", "concise", "detailed", about="The old name of `summary`."
    )

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> Any:
        summary = found.get("summary") or found.get("generate_summary")
        return ReasoningOptions(found.get("effort"), summary) if found else None


class StreamOptionsSchema(Document):
    about = "Accepted; deltas are never obfuscated."

    include_obfuscation = Boolean(about="true is named in `X-Ignored-Parameters`.")

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> Any:
        if found.get("include_obfuscation"):
            context.ignore(f"{path}.include_obfuscation")
        return found


class CreateRequestSchema(ChatParametersSchema):
    about = "The parameters of a response. null is the same as leaving a parameter out."

    model = ModelField(
        required=True, shortest=1, longest=256, about="The model, by its id in `GET /v1/models`."
    )
    input = InputField(
        about="What is to be answered: a text of the user, or an array of items. May be left out "
        "where previous_response_id or conversation is there."
    )
    instructions = String(
        about="What the model is to keep to, before all of the input. Holds for this response "
        "only; a later one does not inherit it."
    )
    max_output_tokens = Integer(
        16, _MOST_TOKENS, about="The most tokens that the answer may take, reasoning included."
    )
    max_tool_calls = Integer(1, _MOST_TOKENS, about="The most calls of hosted tools.")
    temperature = Number(
        0, 2, default=1, about="How freely the model chooses among likely tokens: 0 hardly at all."
    )
    top_p = Number(
        0, 1, default=1, about="Only the likeliest tokens that make up this share are chosen from."
    )
    presence_penalty = Number(
        -2, 2, default=0, about="Above 0, tokens that the text has already become less likely."
    )
    frequency_penalty = Number(
        -2, 2, default=0, about="Above 0, tokens become less likely each time that they come."
    )
    top_logprobs = Integer(
        0, 20, default=0, about="How many alternatives are shown for each token of the text."
    )
    tools = ToolsField(default=[], about="The tools that the model may call.")
    tool_choice = ToolChoiceField(
        default="auto", about="Whether the model may, must or must not call tools, or which."
    )
    parallel_tool_calls = Boolean(
        default=True, about="Whether the model may call several tools at once."
    )
    stream = Boolean(
        default=False, about="Whether the answer is sent as events while it is being made."
    )
    stream_options = Nested(StreamOptionsSchema(), about="Options of the stream.")
    store = Boolean(
        default=True, about="Whether the response is kept, to be retrieved and continued later."
    )
    retention_days = Integer(
        0,
        MOST_RETENTION_DAYS,
        about="For how many days the response is kept; 0 is store: false. Left out, what its "
        "account says holds.",
    )
    retentionDays = Integer(  # noqa: N815 - as callers write it
        0, MOST_RETENTION_DAYS, about="The same as retention_days."
    )
    previous_response_id = PreviousResponseField(
        about="The stored response that this one continues: all that it saw comes first."
    )
    conversation = ConversationField(
        about="The conversation to go on with and to add to; excludes previous_response_id."
    )
    background = Boolean(
        default=False,
        about="Whether the answer is made after the call, which is answered at once with "
        "`queued`. Needs store, and excludes stream.",
    )
    reasoning = Nested(
        ReasoningOptionsSchema(),
        example='{"effort": "high"}',
        about="How much a reasoning model thinks, and what is shown of it.",
    )
    text = Nested(
        TextOptionsSchema(),
        example='{"format": {"type": "text"}}',
        about="What form the answer's text has, and how long it is.",
    )
    metadata = TextMap(
        16, 64, 512, default={}, about="Pairs of the caller's own, kept with the response."
    )
    truncation = Choice(
        "auto",
        "disabled",
        default="disabled",
        about="What becomes of more than the model can read: `auto` leaves out the oldest turns, "
        "`disabled` refuses the request.",
    )
    user = String(about="The end user, as the caller names them; see `safety_identifier`.")
    safety_identifier = String(
        longest=_LONGEST_SAFETY_IDENTIFIER,
        about="The end user, by a lasting name that does not say who they are.",
    )
    prompt_cache_key = String(
        longest=_LONGEST_IDENTIFIER,
        about="What requests with the same beginning have in common, for the upstream's cache.",
    )
    prompt_cache_retention = Choice(
        "in_memory", "24h", about="How long the upstream may keep the prompt in its cache."
    )
    prompt_cache_options = Nested(
        InputCacheOptionsSchema(), about="Which parts of the prompt are cached, and how long."
    )
    service_tier = Choice(
        *("auto", "default", "flex", "priority", "fast", "scale", "ultrafast"),
        default="auto",
        about="The upstream's class of service; responses show the one that answered.",
    )
    seed = Integer(
        -(2**63), 2**63 - 1, about="Has equal requests answered alike, where the upstream can."
    )
    include = IncludeField(about="What to show beside the usual.")
    context_management = ContextManagementField(
        about="Past so many tokens of input, the answer begins with a compaction."
    )
    moderation = ModerationField(
        about='Without effect where the provider is not sent it; a mode "block" is refused there.'
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
    about = "What the tokens are counted of: a request for a response, of which no answer is made."

    model = ModelField(
        shortest=1, longest=256, about="Whose tokens are counted; without one they are estimated."
    )
    input = InputField(
        about="What is counted. May be left out where previous_response_id or conversation is "
        "there."
    )

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> CreateRequest:
        found.setdefault("model", "")
        return super().build(found, path, context)


_SHAPING = frozenset(each.name for each in dataclasses.fields(Parameters))
_REQUEST = frozenset(each.name for each in dataclasses.fields(CreateRequest))
CREATE_REQUEST = CreateRequestSchema()
INPUT_TOKENS_REQUEST = InputTokensSchema()
