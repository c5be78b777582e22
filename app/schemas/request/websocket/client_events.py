"""The events that callers send on a WebSocket, without a response's own parameters.

The names are those of OpenAI's WebSocket mode (the openai package's ResponsesClientEvent);
`response.cancel` is this gateway's own, after OpenAI's realtime API. With `response.processed`
Codex acknowledges that it has read a response; it needs no action.
"""

from __future__ import annotations

import re
from typing import Any

from app.domain.turns.client_event import ClientEvent
from app.schemas.depth import MOST_NESTED, TOO_DEEP, is_shallow
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer, StrictField
from app.schemas.fields import Boolean, String
from app.schemas.invalid import InvalidField, listed, mistyped, quoted, required

CREATE, CANCEL, STEER = "response.create", "response.cancel", "response.steer"
PROCESSED = "response.processed"
_TYPES = (CREATE, CANCEL, STEER, PROCESSED)
#: Keys of a `response.create` that are not parameters of POST /v1/responses.
ENVELOPE = frozenset({"type", "stream_id", "generate"})
_STREAM_ID = r"[A-Za-z0-9_.-]{1,256}"
_is_stream_id = re.compile(_STREAM_ID).fullmatch


class EventTypeField(StrictField):
    """The type of the event."""

    def check(self, value: Any, at: str, context: ReadContext) -> str:
        if type(value) is not str:
            raise self.mistyped(at, "a string", value)
        if value not in _TYPES:
            what = f"must be {listed(_TYPES)}, not {quoted(value)}."
            raise self.invalid("invalid_value", at, what)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"type": "string", "enum": list(_TYPES)}


class StreamIdField(StrictField):
    """The lane of a connection."""

    def check(self, value: Any, at: str, context: ReadContext) -> str:
        if type(value) is not str or not _is_stream_id(value):
            what = 'must be 1 to 256 letters, digits, "_", "-" or ".": or leave it out.'
            raise self.invalid("invalid_stream_id", at, what)
        return value

    def json_schema(self, refer: Refer) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_STREAM_ID}$"}


class ClientEventSchema(Document):
    about = "An event that a client sends on a WebSocket."
    values = (ClientEvent,)

    type = EventTypeField(required=True)
    stream_id = StreamIdField(
        about="The lane; requests of the same lane are answered one after another."
    )
    generate = Boolean(
        default=True, about="false prepares the request without generating a response."
    )
    response_id = String(
        longest=256, about="The id of the response to cancel; by default the lane's own."
    )


CLIENT_EVENT = ClientEventSchema()


def lane_of(frame: object) -> str | None:
    """Return the lane that a message names, for errors about it; None if it names none."""
    stream_id = frame.get("stream_id") if type(frame) is dict else None
    return stream_id if type(stream_id) is str and _is_stream_id(stream_id) else None


def create_body(frame: dict[str, Any]) -> dict[str, Any]:
    """Return the body that a POST would have for a `response.create`; it is streamed.

    Raises:
        InvalidField: `stream` is false or not a boolean.
    """
    stream = frame.get("stream")
    if stream is not None and type(stream) is not bool:
        raise mistyped("stream", "true or false", stream)
    if stream is False:
        what = "must be true, or left out: on a WebSocket every answer is streamed."
        raise InvalidField("unsupported_value", "stream", what)
    body = {name: value for name, value in frame.items() if name not in ENVELOPE}
    return body | {"stream": True}


def steered(frame: dict[str, Any]) -> dict[str, Any]:
    """Return the input of a `response.steer`, and the response that it is for.

    Raises:
        InvalidField: one of them is missing, the response's id is not a string, or the input
            cannot be written, since it is nested too deeply.
    """
    for name in ("previous_response_id", "input"):
        if frame.get(name) is None:
            raise required(name)
    if type(frame["previous_response_id"]) is not str:
        what = "must be a string."
        raise InvalidField("invalid_type", "previous_response_id", what)
    value = frame["input"]
    if type(value) in (dict, list) and not is_shallow(value, MOST_NESTED):
        raise InvalidField("invalid_value", "input", TOO_DEEP)
    return {"input": value, "previous_response_id": frame["previous_response_id"]}
