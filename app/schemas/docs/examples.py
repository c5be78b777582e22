"""Example requests, and their responses, which the gateway's own code produces."""

from __future__ import annotations

from functools import cache
from typing import Any

from app.domain.items import InputText, Item, Message
from app.domain.response import Response, Usage
from app.domain.stream.deltas import Arguments, CallOpened, Delta, Finished, Text, Used
from app.domain.stream.events import Event
from app.domain.stream.narrate import Narrator
from app.domain.turns.conversation import Conversation
from app.domain.turns.page import Page
from app.schemas.request.create import CREATE_REQUEST
from app.schemas.wire.answers import DELETED, ITEM_LIST
from app.schemas.wire.conversations import CONVERSATION, DELETED_CONVERSATION
from app.schemas.wire.echo import echo
from app.schemas.wire.event_lines import encode
from app.schemas.wire.items import ITEM
from app.schemas.wire.responses import RESPONSE

_EVENT = {"$ref": "#/components/schemas/StreamEvent"}
FRAME: dict[str, Any] = {
    "type": "object",
    "description": "A frame of the stream; the data of the last one is [DONE].",
    "required": ["data"],
    "properties": {
        "event": {"type": "string", "description": "The type of the event in the data."},
        "data": {
            "anyOf": [
                {"const": "[DONE]"},
                {
                    "type": "string",
                    "contentMediaType": "application/json",
                    "contentSchema": _EVENT,
                },
            ]
        },
    },
}
REQUESTS: dict[str, Any] = {
    "text": {"value": {"model": "local/echo", "input": "Say hello."}},
    "conversation": {
        "value": {
            "model": "local/echo",
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": "What is the capital of France?"},
                {"role": "assistant", "content": "Paris."},
                {"role": "user", "content": [{"type": "input_text", "text": "And of Italy?"}]},
            ],
        }
    },
    "tools": {
        "value": {
            "model": "local/echo",
            "input": "How warm is it in Rome?",
            "stream": True,
            "tools": [
                {
                    "type": "function",
                    "name": "temperature",
                    "parameters": {
                        "type": "object",
                        "properties": {"city": {"type": "string"}},
                        "required": ["city"],
                        "additionalProperties": False,
                    },
                }
            ],
        }
    },
}
COMPACTIONS: dict[str, Any] = {
    "conversation": {
        "value": {
            "model": "local/echo",
            "input": [
                {"role": "user", "content": "What is the capital of France?"},
                {"role": "assistant", "content": "Paris."},
            ],
        }
    }
}


_STEM = "5f0c1e6a9b3d7248c4e1a07d52f96b83d0417ea9c65b2f38"
_CONVERSATION_ID = f"conv_{_STEM[:16]}"
_CREATED_AT, _SECOND_LATER = 1_796_000_000, 1_796_000_001
_HELLO: tuple[Delta, ...] = (
    Text("Say"),
    Text(" hello."),
    Used(Usage(input_tokens=2, output_tokens=2)),
    Finished("stop"),
)
_CALL: tuple[Delta, ...] = (
    CallOpened("0", "call_b1c7", "temperature"),
    Arguments("0", '{"city": "Rome"}'),
    Used(Usage(input_tokens=6, output_tokens=1)),
    Finished("stop"),
)


@cache
def answers() -> dict[str, Any]:
    """Return the responses to two of the requests, as OpenAPI examples by name."""
    made = {"text": _narrated("text", _HELLO)[0], "tools": _narrated("tools", _CALL)[0]}
    return {name: {"value": RESPONSE.dump(response)} for name, response in made.items()}


@cache
def queued() -> dict[str, Any]:
    """Return the immediate response to a background request."""
    request = CREATE_REQUEST.load(REQUESTS["text"]["value"] | {"background": True})
    return RESPONSE.dump(_response(echo(request), "queued"))


@cache
def frames() -> str:
    """Return the stream that answers the first request."""
    events = _narrated("text", _HELLO)[1]
    written = (f"event: {each.type}\ndata: {encode(each).decode()}\n\n" for each in events)
    return "".join((*written, "data: [DONE]\n\n"))


@cache
def items() -> dict[str, Any]:
    """Return a page of items."""
    return ITEM_LIST.dump(Page((_message(),), has_more=False))


def item() -> dict[str, Any]:
    """Return an item."""
    return ITEM.dump(_message())


def conversation() -> dict[str, Any]:
    """Return a conversation."""
    return CONVERSATION.dump(Conversation(_CONVERSATION_ID, _CREATED_AT, {"topic": "greetings"}))


def deleted_response() -> dict[str, Any]:
    """Return the response to a response's deletion."""
    return DELETED.dump(f"resp_{_STEM}")


def deleted_conversation() -> dict[str, Any]:
    """Return the response to a conversation's deletion."""
    return DELETED_CONVERSATION.dump(_CONVERSATION_ID)


def _message() -> Item:
    return Message(f"msg_{_STEM}0000000001", "user", (InputText("Say hello."),))


def _response(parameters: dict[str, Any], status: Any) -> Response:
    return Response(f"resp_{_STEM}", "local/echo", _CREATED_AT, parameters, status)


def _narrated(name: str, deltas: tuple[Delta, ...]) -> tuple[Response, list[Event]]:
    """Return the final response to a request, and its events."""
    request = CREATE_REQUEST.load(REQUESTS[name]["value"] | {"stream": None})
    narrator = Narrator(
        _response(echo(request), "in_progress"),
        lambda prefix: f"{prefix}_{_STEM}0000000002",
        lambda: _SECOND_LATER,
    )
    events = [*narrator.begin(), *narrator.hear(deltas), *narrator.finish()]
    return narrator.response, events
