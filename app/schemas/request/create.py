"""The body of POST /v1/responses: from JSON to a CreateRequest, or to the first of its faults."""

# ruff: noqa: ARG002 - every field answers to one signature, whatever it needs of it
from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

from marshmallow import validates_schema

from app.domain.ids import is_response_id
from app.domain.models import is_deep_research
from app.domain.request import (
    INCLUDE_ENCRYPTED,
    INCLUDE_LOGPROBS,
    CreateRequest,
    Parameters,
    ReasoningOptions,
)
from app.errors import InvalidRequest
from app.schemas.document import (
    Document,
    Fault,
    Notes,
    Refer,
    Strict,
    array_at,
    listed,
    mistyped,
    shown,
)
from app.schemas.fields import Choice, Flag, FreeObjects, Nested, Real, Text, TextMap, Whole
from app.schemas.request.items import Input
from app.schemas.request.text_options import TextOptionsSchema
from app.schemas.request.tool_choice import Choosing, settle
from app.schemas.request.tools import Tools

_MOST_TOKENS = 2**31 - 1
_LONGEST_IDENTIFIER = 64
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


class Model(Text):
    """The model's id. Deep-research models work in ways that this API does not offer (R6)."""

    def check(self, value: Any, at: str, notes: Notes) -> str:
        model = super().check(value, at, notes)
        if is_deep_research(model):
            what = "names a deep-research model, which is not offered here: choose another."
            raise self.fault("unsupported_value", at, what)
        return model


class Include(Strict):
    """What the caller wants to see beside the usual."""

    def check(self, value: Any, at: str, notes: Notes) -> frozenset[str]:
        wanted = "an array of strings"
        for index, each in enumerate(array_at(value, self.path(at), _MOST_INCLUDED, wanted)):
            path = f"{self.path(at)}[{index}]"
            if type(each) is not str:
                raise mistyped(path, "a string", each)
            if each not in INCLUDE_VALUES:
                what = f"must be {listed(_INCLUDE)}, not {shown(each)}."
                raise Fault("invalid_value", path, what)
            if each not in _ACTED_ON:
                notes.ignore(path)
        return frozenset(value)

    def shape(self, refer: Refer) -> dict[str, Any]:
        values = {"type": "string", "enum": list(_INCLUDE)}
        return {"type": "array", "maxItems": _MOST_INCLUDED, "items": values}


class Parent(Strict):
    """The id of the response that this one continues (S1)."""

    def check(self, value: Any, at: str, notes: Notes) -> str:
        if type(value) is not str:
            raise self.mistyped(at, "a string", value)
        if not is_response_id(value):
            what = 'is no id of a response: they begin with "resp_".'
            raise self.fault("invalid_response_id", at, what)
        return value

    def shape(self, refer: Refer) -> dict[str, Any]:
        return {"type": "string", "pattern": "^resp_[A-Za-z0-9_-]{1,123}$"}


class Refused(Strict):
    """A parameter of OpenAI's own that is not offered here (E10)."""

    def __init__(self, remedy: str) -> None:
        super().__init__(about="Not offered: any value but null is refused.")
        self.remedy = remedy

    def check(self, value: Any, at: str, notes: Notes) -> None:
        raise self.fault("unsupported_parameter", at, f"is not offered here: {self.remedy}")

    def shape(self, refer: Refer) -> dict[str, Any]:
        return {"not": {}}


class ReasoningOptionsSchema(Document):
    about = "How a reasoning model thinks; `generate_summary` is the old name of `summary`."

    effort = Choice("none", "minimal", "low", "medium", "high", "xhigh")
    summary = Choice("none", "auto", "concise", "detailed")
    generate_summary = Choice("none", "auto", "concise", "detailed")

    def read(self, raw: object, path: str, notes: Notes) -> Any:
        found = super().read(raw, path, notes)
        summary = found.get("summary") or found.get("generate_summary")
        return ReasoningOptions(found.get("effort"), summary) if found else None


class StreamOptionsSchema(Document):
    about = "Accepted; deltas are never obfuscated."

    include_obfuscation = Flag()

    def read(self, raw: object, path: str, notes: Notes) -> Any:
        found = super().read(raw, path, notes)
        if found.get("include_obfuscation"):
            notes.ignore(f"{path}.include_obfuscation")
        return found


class CreateRequestSchema(Document):
    about = "What a response is asked with. null is the same as leaving a parameter out."

    model = Model(required=True, shortest=1, longest=256)
    input = Input(required=True)
    instructions = Text(about="Holds for this response only; a later one does not inherit it.")
    max_output_tokens = Whole(16, _MOST_TOKENS)
    max_tool_calls = Whole(1, _MOST_TOKENS, about="Counts calls of hosted tools: there are none.")
    temperature = Real(0, 2, default=1)
    top_p = Real(0, 1, default=1)
    presence_penalty = Real(-2, 2, default=0)
    frequency_penalty = Real(-2, 2, default=0)
    top_logprobs = Whole(0, 20, default=0)
    tools = Tools(default=[])
    tool_choice = Choosing(default="auto")
    parallel_tool_calls = Flag(default=True)
    stream = Flag(default=False)
    stream_options = Nested(StreamOptionsSchema())
    store = Flag(default=True)
    previous_response_id = Parent()
    conversation = Refused("continue with previous_response_id.")
    background = Flag(default=False, about="Needs store, and excludes stream.")
    reasoning = Nested(ReasoningOptionsSchema())
    text = Nested(TextOptionsSchema())
    metadata = TextMap(16, 64, 512, default={})
    truncation = Choice("auto", "disabled", default="disabled")
    user = Text()
    safety_identifier = Text(longest=_LONGEST_IDENTIFIER)
    prompt_cache_key = Text(longest=_LONGEST_IDENTIFIER)
    prompt_cache_retention = Choice("in_memory", "24h")
    service_tier = Choice("auto", "default", "flex", "priority", default="auto")
    seed = Whole(-(2**63), 2**63 - 1)
    include = Include()
    context_management = FreeObjects(about="Accepted, and not acted on.")
    prompt = Refused("send the text of the template as instructions and input.")

    @validates_schema
    def judge(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Hold `load` to the rules that span several fields."""
        settle_together({name: each for name, each in data.items() if each is not None}, Notes())


_SCHEMA = CreateRequestSchema()
_SHAPING = frozenset(each.name for each in dataclasses.fields(Parameters))


def load_create_request(
    body: object,
    *,
    unsupported_tools: Literal["refuse", "drop"] = "refuse",
    pause: Callable[[], None] = lambda: None,
) -> CreateRequest:
    """Return what a parsed body asks for; ids that it does not give are "".

    `pause` is called now and then where there is much to read, to let others run.

    Raises:
        InvalidRequest: the first fault of the body, `param` being the path to it (R3, R4).
    """
    notes = Notes(drops_unsupported=unsupported_tools == "drop", pause=pause)
    try:
        found = _SCHEMA.read(body, "", notes)
        settle_together(found, notes)
    except Fault as fault:
        raise InvalidRequest(fault.message, param=fault.path or None, code=fault.code) from None
    return _request(found, notes)


def settle_together(found: dict[str, Any], notes: Notes) -> None:
    """Hold what was found to the rules that span several fields, and settle the tool choice.

    Raises:
        Fault: two fields do not go together.
    """
    if not found["input"] and "previous_response_id" not in found:
        what = "holds no items: send at least one, or continue with previous_response_id."
        raise Fault("invalid_value", "input", what)
    if found.get("background"):
        if found.get("stream"):
            what = "excludes stream: follow it with GET /v1/responses/{id}?stream=true."
            raise Fault("unsupported_value", "background", what)
        if found.get("store") is False:
            what = "needs store: the answer can only be fetched where it is kept."
            raise Fault("unsupported_value", "background", what)
    if "tool_choice" in found:
        found["tool_choice"] = settle(found["tool_choice"], found.get("tools", ()), notes)
    if "context_management" in found:
        notes.ignore("context_management")
    if "stream_options" in found and not found.get("stream"):
        notes.ignore("stream_options")


def _request(found: dict[str, Any], notes: Notes) -> CreateRequest:
    shaping = {name: value for name, value in found.items() if name in _SHAPING}
    return CreateRequest(
        model=found["model"],
        input=found["input"],
        parameters=Parameters(**shaping),
        stream=found.get("stream", False),
        store=found.get("store", True),
        background=found.get("background", False),
        previous_response_id=found.get("previous_response_id"),
        truncation=found.get("truncation", "disabled"),
        ignored=tuple(notes.ignored),
    )
