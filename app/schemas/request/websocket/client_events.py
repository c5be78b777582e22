"""The events that callers send on a WebSocket, without the parameters of a response.

The names are those of OpenAI's WebSocket mode (the openai package's ResponsesClientEvent);
`response.cancel` is this gateway's own, after that of its realtime API. `response.processed` is
Codex's word that it has read a response; there is nothing to be done about it.
"""

from __future__ import annotations

import re
from typing import Any

from app.domain.turns.client_event import ClientEvent
from app.schemas.document import Document
from app.schemas.field import ReadContext, Refer, StrictField
from app.schemas.fields import Boolean, String
from app.schemas.invalid import InvalidField, listed, mistyped, quoted, required

CREATE, CANCEL, STEER = "response.create", "response.cancel", "response.steer"
PROCESSED = "response.processed"
_TYPES = (CREATE, CANCEL, STEER, PROCESSED)
#: What of a `response.create` is no parameter of POST /v1/responses.
ENVELOPE = frozenset({"type", "stream_id", "generate"})
_STREAM_ID = r"[A-Za-z0-9_.-]{1,256}"
_is_stream_id = re.compile(_STREAM_ID).fullmatch


class EventTypeField(StrictField):
    """Which event it is."""

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
    about = "An event that a caller sends on a WebSocket."
    values = (ClientEvent,)

    type = EventTypeField(required=True)
    stream_id = StreamIdField(about="The lane: requests of one lane are answered one by one.")
    generate = Boolean(default=True, about="false prepares a request, and answers nothing.")
    response_id = String(longest=256, about="Which response to cancel; else the lane's own.")


CLIENT_EVENT = ClientEventSchema()


def create_body(frame: dict[str, Any]) -> dict[str, Any]:
    """Return the body that a POST would have, of a `response.create`: it is streamed.

    Raises:
        InvalidField: it shall not be streamed, or says what is no answer to that.
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
    """Return what a `response.steer` says: its input, and the response that it is for.

    Raises:
        InvalidField: one of them is missing.
    """
    for name in ("previous_response_id", "input"):
        if frame.get(name) is None:
            raise required(name)
    if type(frame["previous_response_id"]) is not str:
        what = "must be a string."
        raise InvalidField("invalid_type", "previous_response_id", what)
    return {"input": frame["input"], "previous_response_id": frame["previous_response_id"]}
