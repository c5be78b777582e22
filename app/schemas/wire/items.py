"""Items as responses, events and lists contain them, and as they are stored.

`FunctionCall("fc_1", "call_1", "look_up", "{}")` is written as `{"id": "fc_1", "type":
"function_call", "status": "completed", "call_id": "call_1", "name": "look_up", "arguments": "{}"}`.
"""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import Any

from app.domain.built_in.tool_search import ToolSearchCall, ToolSearchOutput
from app.domain.hosted.item import HOSTED_KINDS, HostedItem, hosted_item, is_search_elsewhere
from app.domain.items import (
    AdditionalTools,
    Compaction,
    CustomCall,
    CustomCallOutput,
    FunctionCall,
    FunctionCallOutput,
    Item,
    Message,
    OutputItem,
    Reasoning,
)
from app.schemas.compiled import Load
from app.schemas.custom_input import CustomInput
from app.schemas.field import Bind, ReadContext, Refer, StrictField
from app.schemas.fields import Choice, String
from app.schemas.invalid import join, object_at, required
from app.schemas.nesting import ListOf, OneOf
from app.schemas.program import CallerField
from app.schemas.search_arguments import SearchArguments
from app.schemas.wire.built_in.items import BUILT_IN_CALLS, BUILT_IN_OUTPUTS
from app.schemas.wire.configuration.update import ConfigurationUpdateSchema
from app.schemas.wire.document import ALWAYS, AT_TIMES, ValueSchema
from app.schemas.wire.parts import (
    INPUT_PART,
    OUTPUT_PART,
    PART,
    SUMMARY_TEXT,
    ReasoningTextSchema,
)
from app.schemas.wire.tools import TOOL

_STATUSES = ("in_progress", "completed", "incomplete")


class OutputMessageSchema(ValueSchema[Message]):
    about = "A message from the model."
    values = (Message,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("message", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    role = Choice("assistant", attribute="role", **ALWAYS)
    content = ListOf(OUTPUT_PART, **ALWAYS)
    phase = Choice("commentary", "final_answer", **AT_TIMES)


class MessageSchema(OutputMessageSchema):
    about = "A message of any role."

    role = Choice("user", "assistant", "system", "developer", **ALWAYS)
    content = ListOf(PART, **ALWAYS)


class FunctionCallSchema(ValueSchema[FunctionCall]):
    about = (
        "A function call for the caller to execute. `arguments` is the JSON string that the "
        "model wrote."
    )
    values = (FunctionCall,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("function_call", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    call_id = String(shortest=1, longest=64, **ALWAYS)
    name = String(**ALWAYS)
    arguments = String(**ALWAYS)
    namespace = String(about="The namespace of the function, if it is in one.", **AT_TIMES)
    caller = CallerField(**AT_TIMES)


class FunctionOutputEcho(StrictField):
    """A string, or content parts."""

    _parts = ListOf(INPUT_PART)

    def check(self, value: Any, at: str, context: ReadContext) -> Any:
        if type(value) is list:
            for index, each in enumerate(value):
                INPUT_PART.read(each, f"{self.path(at)}[{index}]", context)
        elif type(value) is not str:
            raise self.mistyped(at, "a string or an array", value)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, self._parts.json_schema(refer)]}

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{value} if type({value}) is str else {self._parts.dump_code(value, bind)}"

    def load_code(self, data: str, bind: Bind) -> str:
        return f"{data} if type({data}) is str else {self._parts.load_code(data, bind)}"


class FunctionCallOutputSchema(ValueSchema[FunctionCallOutput]):
    about = "The output of a function call."
    values = (FunctionCallOutput,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("function_call_output", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    call_id = String(shortest=1, longest=64, **ALWAYS)
    output = FunctionOutputEcho(**ALWAYS)
    caller = CallerField(**AT_TIMES)


class CustomCallSchema(ValueSchema[CustomCall]):
    about = (
        "A custom tool call for the caller to execute. `input` is the text that the model wrote."
    )
    values = (CustomCall,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("custom_tool_call", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    call_id = String(shortest=1, longest=64, **ALWAYS)
    name = String(**ALWAYS)
    input = CustomInput(**ALWAYS)
    namespace = String(about="The namespace of the tool, if it is in one.", **AT_TIMES)
    caller = CallerField(**AT_TIMES)


class CustomCallOutputSchema(FunctionCallOutputSchema):
    about = "The output of a custom tool call."
    values = (CustomCallOutput,)

    type = Choice("custom_tool_call_output", **ALWAYS)


class ReasoningSchema(ValueSchema[Reasoning]):
    about = "The model's reasoning. Send it back unchanged with the next request."
    values = (Reasoning,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("reasoning", **ALWAYS)
    summary = ListOf(SUMMARY_TEXT, **ALWAYS)
    content = ListOf(ReasoningTextSchema(), about="The reasoning text, in parts.", **AT_TIMES)
    encrypted_content = String(about="Opaque data; send it back unchanged.", **AT_TIMES)


class AdditionalToolsSchema(ValueSchema[AdditionalTools]):
    about = "Tools that the model has from here on, in addition to those of the request."
    values = (AdditionalTools,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("additional_tools", **ALWAYS)
    role = Choice("developer", **ALWAYS)
    tools = ListOf(TOOL, **ALWAYS)


_SEARCHES = ("tool_search_call", "tool_search_output")


class HostedItemSchema(ValueSchema[HostedItem]):
    about = "The work of a tool that another server ran, unchanged, with additional keys."
    values = (HostedItem,)

    id = String(shortest=1, **ALWAYS)
    #: Tool searches have a schema of their own, whoever ran them.
    type = Choice(*(kind for kind in HOSTED_KINDS if kind not in _SEARCHES), **ALWAYS)

    def _compile(self) -> None:
        self.writer = attrgetter("json")
        self._reader = hosted_item
        self.readers |= dict.fromkeys(self.types, hosted_item)

    def read(self, raw: object, path: str, context: ReadContext) -> dict[str, Any]:
        """Return the object at `path`, whatever its type and other keys; see WireSchema."""
        given = object_at(raw, path)
        if not given.get("id"):
            raise required(join(path, "id"))
        self.strict_fields["id"].check(given["id"], path, context)
        return given

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{value}.json"


_HOSTED = HostedItemSchema()


class SearchSchema(ValueSchema[Any]):
    """A tool search that the caller runs; one that another server ran is kept unchanged."""

    def _compile(self) -> None:
        super()._compile()
        for kind, load in self.readers.items():
            self.readers[kind] = partial(_search, load)

    def read(self, raw: object, path: str, context: ReadContext) -> dict[str, Any]:
        """Return the object at `path` if it is one of the two; see WireSchema."""
        given = object_at(raw, path)
        if is_search_elsewhere(given):
            return _HOSTED.read(given, path, context)
        return super().read(given, path, context)


def _search(load: Load, data: dict[str, Any]) -> Item:
    item: Item = hosted_item(data) if is_search_elsewhere(data) else load(data)
    return item


class ToolSearchCallSchema(SearchSchema):
    about = "A tool search for the caller to run."
    values = (ToolSearchCall,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("tool_search_call", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    call_id = String(shortest=1, longest=64, **ALWAYS)
    execution = Choice("client", **ALWAYS)
    arguments = SearchArguments(
        about="The text that the model wrote, if it is not an object.", **ALWAYS
    )


class ToolSearchOutputSchema(SearchSchema):
    about = "The tools that a search found; the model has them from here on."
    values = (ToolSearchOutput,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("tool_search_output", **ALWAYS)
    status = Choice(*_STATUSES, **ALWAYS)
    call_id = String(shortest=1, longest=64, **ALWAYS)
    execution = Choice("client", **ALWAYS)
    tools = ListOf(TOOL, **ALWAYS)


class CompactionSchema(ValueSchema[Compaction]):
    about = "Replaces the items before it. Send it back unchanged, in the same place."
    values = (Compaction,)

    id = String(shortest=1, **ALWAYS)
    type = Choice("compaction", **ALWAYS)
    encrypted_content = String(about="Opaque data; send it back unchanged.", **ALWAYS)


_CALL, _CUSTOM_CALL, _REASONING = FunctionCallSchema(), CustomCallSchema(), ReasoningSchema()
_SEARCH, _COMPACTION = ToolSearchCallSchema(), CompactionSchema()


def _carried(data: dict[str, Any]) -> Item:
    """Return an item of a type that only its server knows, not of a type that callers send."""
    kind = data["type"]
    if kind in ITEM.documents and kind not in HOSTED_KINDS:
        raise ValueError(f"the type must be that of an output, not {kind!r}")
    return hosted_item(data)


#: Items that a model made, and all items that a conversation may contain.
OUTPUT_ITEM: OneOf[OutputItem] = OneOf(
    OutputMessageSchema(),
    _CALL,
    _CUSTOM_CALL,
    *BUILT_IN_CALLS,
    _HOSTED,
    _SEARCH,
    _REASONING,
    _COMPACTION,
    rest=_carried,
    other=_HOSTED,
)
ITEM: OneOf[Item] = OneOf(
    MessageSchema(),
    _CALL,
    FunctionCallOutputSchema(),
    _CUSTOM_CALL,
    CustomCallOutputSchema(),
    *BUILT_IN_CALLS,
    *BUILT_IN_OUTPUTS,
    _REASONING,
    AdditionalToolsSchema(),
    ConfigurationUpdateSchema(),
    _HOSTED,
    _SEARCH,
    ToolSearchOutputSchema(),
    _COMPACTION,
    other=_HOSTED,
    rest=hosted_item,  # of a later release, or of a server with more types
)
