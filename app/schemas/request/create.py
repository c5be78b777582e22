"""The body of POST /v1/responses: from JSON to a CreateRequest, or to the first of its faults.

`{"model": "gpt-5", "input": "Hi", "temperature": 0.5}` becomes `CreateRequest(model="gpt-5",
input=(Message(…),), parameters=Parameters(temperature=0.5))`; with `"temperature": "hot"` it is
refused: `'temperature' must be a number, not a string.`
"""

from __future__ import annotations

import dataclasses
from typing import Any

from app.domain.answer_options import ReasoningOptions
from app.domain.ids import is_conversation_id, is_response_id
from app.domain.models import is_deep_research
from app.domain.request import INCLUDE_ENCRYPTED, INCLUDE_LOGPROBS, CreateRequest, Parameters
from app.domain.tools import included
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer, StrictField
from app.schemas.fields import Boolean, Choice, Integer, Number, String, TextMap
from app.schemas.invalid import InvalidField, array_at, join, listed, mistyped, quoted
from app.schemas.nesting import Nested
from app.schemas.request.bounds import EFFORTS
from app.schemas.request.foreign import ChatParametersSchema, ModerationField, UnsupportedField
from app.schemas.request.items.added_tools import refuse_clashes
from app.schemas.request.items.compactions import ContextManagementField
from app.schemas.request.items.input import InputField
from app.schemas.request.prompt_cache import InputCacheOptionsSchema
from app.schemas.request.text_options import TextOptionsSchema
from app.schemas.request.tool_choice import ToolChoiceField, settle
from app.schemas.request.tools.field import ToolsField
from app.settings import MOST_RETENTION_DAYS

_MOST_TOKENS = 2**31 - 1
_LONGEST_IDENTIFIER, _LONGEST_SAFETY_IDENTIFIER = 64, 128
_INCLUDED_ALWAYS = "message.input_image.image_url"
_MOST_INCLUDED = 100
_ACTED_ON = frozenset({INCLUDE_ENCRYPTED, INCLUDE_LOGPROBS, _INCLUDED_ALWAYS})
_INCLUDE = (
    INCLUDE_ENCRYPTED,
    INCLUDE_LOGPROBS,
    _INCLUDED_ALWAYS,
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
)
#: What `include` takes, in bodies and in queries (R11).
INCLUDE_VALUES = frozenset(_INCLUDE)


class ModelField(String):
    """The model's id. Deep-research models work in ways that this API does not offer (R6)."""

    def check(self, value: Any, at: str, context: ReadContext) -> str:
        model = super().check(value, at, context)
        if is_deep_research(model):
            what = "names a deep-research model, which is not offered here: choose another."
            raise self.invalid("unsupported_value", at, what)
        return model


class IncludeField(StrictField):
    """What the caller wants to see beside the usual."""

    def check(self, value: Any, at: str, context: ReadContext) -> frozenset[str]:
        wanted = "an array of strings"
        for index, each in enumerate(array_at(value, self.path(at), _MOST_INCLUDED, wanted)):
            path = f"{self.path(at)}[{index}]"
            if type(each) is not str:
                raise mistyped(path, "a string", each)
            if each not in INCLUDE_VALUES:
                what = f"must be {listed(_INCLUDE)}, not {quoted(each)}."
                raise InvalidField("invalid_value", path, what)
            if each not in _ACTED_ON and not _is_passed(each, context):
                context.ignore(path)
        return frozenset(value)

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        values = {"type": "string", "enum": list(_INCLUDE)}
        return {"type": "array", "maxItems": _MOST_INCLUDED, "items": values}


def _is_passed(value: str, context: ReadContext) -> bool:
    """Tell whether it is about a tool that the model's provider runs for this caller (P2)."""
    tools = context.policy.restricted(context.allowed_tools).hosted_tools
    return bool(included((value,), tools))


class PreviousResponseField(StrictField):
    """The id of the response that this one continues (S1)."""

    def check(self, value: Any, at: str, context: ReadContext) -> str:
        if type(value) is not str:
            raise self.mistyped(at, "a string", value)
        if not is_response_id(value):
            what = 'is not a response id: they begin with "resp_".'
            raise self.invalid("invalid_response_id", at, what)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"type": "string", "pattern": "^resp_[A-Za-z0-9_-]{1,123}$"}


class ConversationField(StrictField):
    """The conversation that the response is for: its id, or an object that has that (C1)."""

    def check(self, value: Any, at: str, context: ReadContext) -> str:
        given, path = value, self.path(at)
        if type(value) is dict:
            path = join(path, "id")
            given = value.get("id")
        if type(given) is not str:
            raise mistyped(path, "the id of a conversation", given)
        if not is_conversation_id(given):
            what = 'is not a conversation id: they begin with "conv_".'
            raise InvalidField("invalid_value", path, what)
        return given

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        identity = {"type": "string", "pattern": "^conv_[A-Za-z0-9_-]{1,123}$"}
        whole = {"type": "object", "properties": {"id": identity}, "required": ["id"]}
        return {"anyOf": [identity, whole]}


class ReasoningOptionsSchema(Document):
    about = "How a reasoning model thinks; `generate_summary` is the old name of `summary`."

    effort = Choice(*EFFORTS)
    summary = Choice("none", "auto", "concise", "detailed")
    generate_summary = Choice("none", "auto", "concise", "detailed")

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> Any:
        summary = found.get("summary") or found.get("generate_summary")
        return ReasoningOptions(found.get("effort"), summary) if found else None


class StreamOptionsSchema(Document):
    about = "Accepted; deltas are never obfuscated."

    include_obfuscation = Boolean()

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> Any:
        if found.get("include_obfuscation"):
            context.ignore(f"{path}.include_obfuscation")
        return found


class CreateRequestSchema(ChatParametersSchema):
    about = "The parameters of a response. null is the same as leaving a parameter out."

    model = ModelField(required=True, shortest=1, longest=256)
    input = InputField(required=True)
    instructions = String(about="Holds for this response only; a later one does not inherit it.")
    max_output_tokens = Integer(16, _MOST_TOKENS)
    max_tool_calls = Integer(1, _MOST_TOKENS, about="Counts calls of hosted tools.")
    temperature = Number(0, 2, default=1)
    top_p = Number(0, 1, default=1)
    presence_penalty = Number(-2, 2, default=0)
    frequency_penalty = Number(-2, 2, default=0)
    top_logprobs = Integer(0, 20, default=0)
    tools = ToolsField(default=[])
    tool_choice = ToolChoiceField(default="auto")
    parallel_tool_calls = Boolean(default=True)
    stream = Boolean(default=False)
    stream_options = Nested(StreamOptionsSchema())
    store = Boolean(default=True)
    retention_days = Integer(
        0,
        MOST_RETENTION_DAYS,
        about="For how many days the response is kept; 0 is store: false. Left out, what its "
        "account says holds.",
    )
    retentionDays = Integer(  # noqa: N815 - as callers write it
        0, MOST_RETENTION_DAYS, about="The same as retention_days."
    )
    previous_response_id = PreviousResponseField()
    conversation = ConversationField(
        about="The conversation to go on with and to add to; excludes previous_response_id."
    )
    background = Boolean(default=False, about="Needs store, and excludes stream.")
    reasoning = Nested(ReasoningOptionsSchema(), example='{"effort": "high"}')
    text = Nested(TextOptionsSchema(), example='{"format": {"type": "text"}}')
    metadata = TextMap(16, 64, 512, default={})
    truncation = Choice("auto", "disabled", default="disabled")
    user = String()
    safety_identifier = String(longest=_LONGEST_SAFETY_IDENTIFIER)
    prompt_cache_key = String(longest=_LONGEST_IDENTIFIER)
    prompt_cache_retention = Choice("in_memory", "24h")
    prompt_cache_options = Nested(InputCacheOptionsSchema())
    service_tier = Choice(
        "auto", "default", "flex", "priority", "fast", "scale", "ultrafast", default="auto"
    )
    seed = Integer(-(2**63), 2**63 - 1)
    include = IncludeField()
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
        """Return the request of a parsed body; ids that it does not give are "".

        Raises:
            InvalidField: the first fault of the body, `param` being the path to it (R3, R4).
        """
        request: CreateRequest = self.read(data, "", context or ReadContext())
        return request

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> CreateRequest:
        settle_retention(found, context)
        settle_together(found, context)
        if context.trigger:  # what shapes an answer does not shape a summary (G7)
            for name in found.keys() & {"text", "top_logprobs"}:
                context.ignore(name)
        return CreateRequest(
            parameters=Parameters(**{name: found[name] for name in found if name in _SHAPING}),
            ignored=tuple(context.ignored),
            forwarded=context.forwarded,
            passed=context.policy,
            has_cache_breakpoints=context.has_cache_breakpoints,
            detailed_parts=frozenset(context.detailed_parts),
            compaction="trigger" if context.trigger else None,
            compact_threshold=found.get("context_management"),
            **{name: found[name] for name in found if name in _REQUEST},
        )


class InputTokensSchema(CreateRequestSchema):
    about = "What the tokens are counted of: a request for a response, of which no answer is made."

    model = ModelField(
        shortest=1, longest=256, about="Whose tokens are counted; without one they are estimated."
    )
    input = InputField(about="May be left out where previous_response_id or conversation is there.")

    def build(self, found: dict[str, Any], path: str, context: ReadContext) -> CreateRequest:
        found.setdefault("model", "")
        found.setdefault("input", ())
        return super().build(found, path, context)


_SHAPING = frozenset(each.name for each in dataclasses.fields(Parameters))
_REQUEST = frozenset(each.name for each in dataclasses.fields(CreateRequest))
CREATE_REQUEST = CreateRequestSchema()
INPUT_TOKENS_REQUEST = InputTokensSchema()


def settle_retention(found: dict[str, Any], context: ReadContext) -> None:
    """Have one name for the retention, and of 0 days nothing be stored (C5).

    Raises:
        InvalidField: its two names disagree, or it goes together with no background response.
    """
    days = found.pop("retentionDays", None)
    if days is not None and found.setdefault("retention_days", days) != days:
        what = f"is {days} where 'retention_days' is {found['retention_days']}: send one of them."
        raise InvalidField("invalid_value", "retentionDays", what)
    if found.get("retention_days") == 0:
        if found.get("background"):
            what = "needs more than 0 retention_days: the answer is fetched where it is kept."
            raise InvalidField("unsupported_value", "background", what)
        found["store"] = False
    elif "retention_days" in found and found.get("store") is False and "conversation" not in found:
        context.ignore("retention_days")


def settle_together(found: dict[str, Any], context: ReadContext) -> None:
    """Hold what was found to the rules that span several fields (E4), and settle the tool choice.

    Raises:
        InvalidField: two fields do not go together.
    """
    continues = not found.keys().isdisjoint(("previous_response_id", "conversation"))
    if not found["input"] and not continues:
        what = "holds no items: send at least one, or continue with previous_response_id."
        raise InvalidField("invalid_value", "input", what)
    if "conversation" in found and "previous_response_id" in found:
        what = "excludes previous_response_id, which has its history already: send one of them."
        raise InvalidField("invalid_value", "conversation", what)
    if found.get("background"):
        if found.get("stream"):
            what = "excludes stream: follow it with GET /v1/responses/{id}?stream=true."
            raise InvalidField("unsupported_value", "background", what)
        if found.get("store") is False:
            what = "needs store: the answer can only be fetched where it is kept."
            raise InvalidField("unsupported_value", "background", what)
    if context.added_tools:
        refuse_clashes(found.get("tools", ()), context.added_tools)
    if "tool_choice" in found:
        tools = (*found.get("tools", ()), *(each.tool for each in context.added_tools))
        found["tool_choice"] = settle(found["tool_choice"], tools, context, continues=continues)
    if "stream_options" in found and not found.get("stream"):  # accepted, and not acted on (R15)
        context.ignore("stream_options")
