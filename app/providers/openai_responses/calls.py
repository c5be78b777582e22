"""Write calls, outputs and configuration items for an upstream that speaks Responses. Pure.

Calls of tool types that the model knows keep their form; all others become function calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from app.domain.answer_options import ConfigurationUpdate
from app.domain.built_in.local_shell import LocalShellCall
from app.domain.built_in.tool_search import ToolSearchOutput
from app.domain.ids import upstream_item_id
from app.domain.items import (
    AdditionalTools,
    BuiltInCall,
    BuiltInCallOutput,
    CustomCall,
    CustomCallOutput,
    FunctionCall,
    FunctionCallOutput,
    Item,
)
from app.domain.tools import (
    PROGRAMS,
    CustomTool,
    NamespaceTool,
    Tool,
    in_known_forms,
    known_as,
)
from app.providers.openai_responses.content import part_json
from app.providers.openai_responses.tools import tool_json
from app.providers.profiles import Profile
from app.providers.writing.arguments import as_text
from app.providers.writing.call_names import call_name
from app.schemas.wire.items import ITEM

Json = dict[str, Any]
_PROGRAMS = known_as(PROGRAMS)


def built_in_type(item_type: str) -> str:
    """Return the type of the built-in tool for the type of a call or an output."""
    return item_type.removesuffix("_output").removesuffix("_call")


def call_json(item: FunctionCall, call_id: str, profile: Profile, known: AbstractSet[str]) -> Json:
    """Return a call with the name and in the form in which the model knows the tool."""
    if isinstance(item, BuiltInCall) and built_in_type(item.type) in known:
        written = _as_it_is(item, call_id)
        if isinstance(item, LocalShellCall):  # the only call for which an id is required
            written["id"] = upstream_item_id(item.id)
        return written
    if item.namespace is not None and NamespaceTool.type in known:
        name: Json = {"name": call_name(item.name), "namespace": call_name(item.namespace)}
    else:
        name = {"name": call_name(item.qualified_name)}
    name |= _caller(item, known)
    if isinstance(item, CustomCall) and CustomTool.type in known:
        return {"type": CustomCall.type, "call_id": call_id} | name | {"input": item.input}
    arguments = as_text(item.arguments, must_be_object=profile.object_arguments)
    return {"type": FunctionCall.type, "call_id": call_id} | name | {"arguments": arguments}


def _caller(item: FunctionCall | FunctionCallOutput, known: AbstractSet[str]) -> Json:
    """Return the `caller` field of a call made by a program, for a server that runs programs."""
    if item.program_id is None or _PROGRAMS not in known:
        return {}
    return {"caller": {"type": "program", "caller_id": item.program_id}}


def output_json(
    item: FunctionCallOutput, call_id: str, profile: Profile, known: AbstractSet[str]
) -> Json:
    """Return an output in the form of its call.

    Raises:
        InvalidRequest: this server does not read a part of it.
    """
    if isinstance(item, BuiltInCallOutput) and built_in_type(item.type) in known:
        written = _as_it_is(item, call_id)
        if isinstance(item, ToolSearchOutput):
            written["tools"] = _tools(item.tools, profile, known)
        return written
    is_custom = isinstance(item, CustomCallOutput) and CustomTool.type in known
    given = item.content
    return {
        "type": (CustomCallOutput if is_custom else FunctionCallOutput).type,
        "call_id": call_id,
        "output": given
        if isinstance(given, str)
        else [part_json(part, "user", profile) for part in given],
        **_caller(item, known),
    }


def added_json(item: AdditionalTools, profile: Profile, known: AbstractSet[str]) -> Json:
    """Return an item that adds tools, for a model that knows such items."""
    return {
        "type": item.type,
        "role": item.role,
        "tools": _tools(item.tools, profile, known),
    }


def update_json(item: ConfigurationUpdate) -> Json:
    """Return an item that changes the configuration, for a model that knows such items."""
    item_json = ITEM.dump(item)
    del item_json["id"]
    if "text" in item_json:
        form = item_json["text"]["format"]
        given = {name: value for name, value in form.items() if value is not None}
        item_json["text"] = {"format": given}
    return item_json


def _tools(tools: Iterable[Tool], profile: Profile, known: AbstractSet[str]) -> list[Json]:
    return [tool_json(tool, profile) for tool in in_known_forms(tools, known)]


def _as_it_is(item: Item, call_id: str) -> Json:
    """Return an item's JSON without its id, which the upstream would look up in vain."""
    item_json = {name: value for name, value in ITEM.dump(item).items() if value is not None}
    del item_json["id"]
    return item_json | {"call_id": call_id}
