"""Events inside the items of hosted tools, as the servers that run these send them (P2)."""

from __future__ import annotations

from typing import Any

from app.domain.stream.call_events import HostedEvent
from app.schemas.field import Bind, ReadContext
from app.schemas.fields import Choice, Integer, String
from app.schemas.invalid import object_at, required
from app.schemas.wire.document import ALWAYS, AT_TIMES, ValueSchema

#: Known event types by the type of their items. Source: openai (the vendor's client) 3.54,
#: types/responses/response_stream_event.py.
HOSTED_EVENTS: dict[str, tuple[str, ...]] = {
    "web_search_call": (
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
        "response.web_search_call.completed",
    ),
    "file_search_call": (
        "response.file_search_call.in_progress",
        "response.file_search_call.searching",
        "response.file_search_call.completed",
    ),
    "code_interpreter_call": (
        "response.code_interpreter_call.in_progress",
        "response.code_interpreter_call_code.delta",
        "response.code_interpreter_call_code.done",
        "response.code_interpreter_call.interpreting",
        "response.code_interpreter_call.completed",
    ),
    "image_generation_call": (
        "response.image_generation_call.in_progress",
        "response.image_generation_call.generating",
        "response.image_generation_call.partial_image",
        "response.image_generation_call.completed",
    ),
    "mcp_call": (
        "response.mcp_call.in_progress",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
    ),
    "mcp_list_tools": (
        "response.mcp_list_tools.in_progress",
        "response.mcp_list_tools.completed",
        "response.mcp_list_tools.failed",
    ),
}
_OWN = ("type", "sequence_number", "item_id", "output_index")


class HostedEventSchema(ValueSchema[HostedEvent]):
    about = "Progress in the item of a hosted tool, with additional keys."
    values = (HostedEvent,)

    type = Choice(*(each for types in HOSTED_EVENTS.values() for each in types), **ALWAYS)
    sequence_number = Integer(0, **ALWAYS)
    item_id = String(shortest=1, **AT_TIMES)
    output_index = Integer(0, **AT_TIMES)

    def _compile(self) -> None:
        self.writer, self._reader = _written, _event
        self.readers |= dict.fromkeys(self.types, _event)

    def read(self, raw: object, path: str, context: ReadContext) -> dict[str, Any]:
        """Return the object at `path`, whatever its type and other keys; see WireSchema."""
        given = object_at(raw, path)
        for name in _OWN[1:]:
            if given.get(name) is not None:
                self.strict_fields[name].check(given[name], path, context)
        if "sequence_number" not in given:
            raise required(f"{path}.sequence_number")
        return given

    def dump_code(self, value: str, bind: Bind) -> str:
        return f"{bind(_written)}({value})"


def _written(event: HostedEvent) -> dict[str, Any]:
    written: dict[str, Any] = {"type": event.type, "sequence_number": event.sequence_number}
    if event.item_id is not None:
        written |= {"item_id": event.item_id, "output_index": event.output_index}
    return written | event.fields


def _event(data: dict[str, Any]) -> HostedEvent:
    fields = {name: value for name, value in data.items() if name not in _OWN}
    place = data.get("item_id"), data.get("output_index")
    return HostedEvent(data["sequence_number"], data["type"], *place, fields)


HOSTED_EVENT = HostedEventSchema()
