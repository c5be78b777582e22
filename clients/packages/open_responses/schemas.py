"""What Open Responses publishes as schemas: every answer, event and frame is held to its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openresponses_types import types

Json = dict[str, Any]


def _events() -> Mapping[str, Any]:
    """Return the schema of each event by its type."""
    found = {}
    for name, each in vars(types).items():
        if name.endswith("StreamingEvent"):
            (kind,) = each.model_fields["type"].annotation
            found[getattr(kind, "value", kind)] = each
    return found


_EVENTS = _events()


def check_event(event: Json) -> None:
    """Hold an event of a stream to its schema.

    Raises:
        ValueError: it does not keep to it.
    """
    _EVENTS[event["type"]].model_validate(event)


def check_frame(frame: Json) -> None:
    """Hold a frame of a WebSocket to its schema: an event's, or an error's.

    Raises:
        ValueError: it does not keep to it.
    """
    if frame["type"] == "error" and "status" in frame:
        types.WebSocketErrorEvent.model_validate(frame)
    else:
        check_event(frame)


def check_create(message: Json) -> None:
    """Hold a `response.create` to its schema, so that each case asks what may be asked.

    Raises:
        ValueError: it does not keep to it.
    """
    types.WebSocketResponseCreateEvent.model_validate(message)


def check_compaction(shown: Json) -> Json:
    """Hold a compaction to its schema, and to having one among its items; return it.

    Raises:
        ValueError: it does not keep to it.
    """
    types.CompactResource.model_validate(shown)
    if shown["object"] != "response.compaction":
        raise ValueError(f"it is a {shown['object']}")
    if "compaction" not in {item["type"] for item in shown["output"]}:
        raise ValueError(f"no item is a compaction: {shown}")
    return shown


def check_response(shown: Json, *, has_output: bool = True) -> Json:
    """Hold a response to its schema, and to having an output; return it.

    Raises:
        ValueError: it does not keep to it.
    """
    types.ResponseResource.model_validate(shown)
    if has_output and not shown["output"]:
        raise ValueError("there is no output")
    return shown


def check_completed(shown: Json, *, has_output: bool = True) -> Json:
    """Hold a response to being completed, too; return it.

    Raises:
        ValueError: it is not.
    """
    check_response(shown, has_output=has_output)
    if shown["status"] != "completed":
        raise ValueError(f"its status is {shown['status']}")
    return shown
