"""The request's parameters as every response to it echoes them.

Nothing is declared twice: a parameter is written by the field of CreateRequestSchema that reads it,
always present, with its default if the caller left it out, or null if it has none. Only
parameters whose echo has another form than their input are declared below.
"""

from __future__ import annotations

import dataclasses
from copy import copy
from typing import Any

from app.domain.answer_options import CacheOptions, ReasoningOptions
from app.domain.answer_options import TextOptions as Options
from app.domain.request import CreateRequest, Parameters
from app.domain.tools import Tool
from app.schemas.field import Bind, StrictField
from app.schemas.fields import Choice, Integer, String
from app.schemas.nesting import ListOf, Nested
from app.schemas.request.create import CREATE_REQUEST
from app.schemas.request.foreign import UnsupportedField
from app.schemas.request.tools.known import written_once
from app.schemas.wire.configuration.text_format import TEXT_FORMAT
from app.schemas.wire.document import ALWAYS, AT_TIMES, OR_NULL, ValueSchema, WireSchema
from app.schemas.wire.tools import TOOL, ToolChoiceEcho
from app.settings import MOST_RETENTION_DAYS

#: Parameters that are not echoed. Model and tier are the response's own: those that answered.
NOT_ECHOED = frozenset(
    {
        *("input", "stream", "stream_options", "include", "seed", "context_management"),
        *("moderation", "retentionDays"),
    }
)
OF_THE_RESPONSE = frozenset({"model", "service_tier"})
_SHAPING = frozenset(each.name for each in dataclasses.fields(Parameters))


class ReasoningEchoSchema(ValueSchema[ReasoningOptions]):
    about = "The reasoning settings of the request."
    values = (ReasoningOptions,)

    effort = String(**OR_NULL)
    summary = String(about="The kind of reasoning summary to return.", **OR_NULL)


class CacheOptionsEchoSchema(ValueSchema[CacheOptions]):
    about = "The prompt cache settings of the request."
    values = (CacheOptions,)

    mode = Choice("implicit", "explicit", about="The cache mode.", **ALWAYS)
    ttl = String(dump_default="30m", **ALWAYS)


class TextEchoSchema(ValueSchema[Options]):
    about = "The text settings of the request."
    values = (Options,)

    verbosity = Choice(
        "low", "medium", "high", dump_default="medium", about="How verbose the text is.", **ALWAYS
    )
    format = Nested(TEXT_FORMAT, **ALWAYS)


class ConversationEchoSchema(ValueSchema[str]):
    about = "The conversation that the response is part of."
    values = (str,)

    id = String(itself=True, **ALWAYS)


class ToolsEcho(ListOf):
    """The tools in a response; known ones are written from cached bytes."""

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{bind(_tools_json)}({value})"


def _tools_json(tools: tuple[Tool, ...]) -> Any:
    if not tools:
        return []
    return written_once(tools, "echo", TOOL, lambda: TOOL.dump_all(tools))


_IN_OTHER_FORM: dict[str, StrictField] = {
    "conversation": Nested(ConversationEchoSchema(), **AT_TIMES),
    "prompt_cache_options": Nested(CacheOptionsEchoSchema(), **OR_NULL),
    "retention_days": Integer(0, MOST_RETENTION_DAYS, **AT_TIMES),
    "reasoning": Nested(ReasoningEchoSchema(), dump_default=ReasoningOptions(), **ALWAYS),
    "text": Nested(TextEchoSchema(), **ALWAYS),
    "tool_choice": ToolChoiceEcho("none", "auto", "required", **ALWAYS),
    "tools": ToolsEcho(TOOL, **ALWAYS),
}


def _echoes() -> dict[str, StrictField]:
    """Return the field of each echoed parameter, sorted by name."""
    taken = CREATE_REQUEST.strict_fields
    names = set(taken) - NOT_ECHOED - OF_THE_RESPONSE
    return {
        name: _echo(name, _IN_OTHER_FORM.get(name, taken[name]))
        for name in sorted(names)
        if not isinstance(taken[name], UnsupportedField)
    }


def _echo(name: str, field: StrictField) -> StrictField:
    """Return a copy of a field that writes a parameter of a CreateRequest."""
    echoed = copy(field)
    echoed.attribute = f"parameters.{name}" if name in _SHAPING else name
    if name not in _IN_OTHER_FORM:
        default = field.metadata.get("default")
        echoed.required, echoed.allow_none = True, default is None
        if default is not None:
            echoed.dump_default = default
    echoed.metadata = {"description": CREATE_REQUEST.strict_fields[name].metadata["description"]}
    return echoed


class EchoFields(WireSchema):
    """The echoed parameters, as keys of a response."""

    class Meta:
        include = _echoes()


class EchoSchema(EchoFields, ValueSchema[CreateRequest]):
    """The echoed parameters as an object of their own."""

    values = (CreateRequest,)


_ECHO = EchoSchema()


def echo(request: CreateRequest) -> dict[str, Any]:
    """Return the request's parameters as every response to it echoes them."""
    return _ECHO.writer(request)
