"""The cases over a WebSocket: each on connections of its own."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from over_http import compacted, said
from schemas import check_completed, check_create, check_frame
from task import TASK
from websockets.sync.client import connect
from websockets.sync.connection import Connection

Json = dict[str, Any]
#: As the suite waits for the end of a response.
PATIENCE_S = 30
ENDS = ("response.completed", "response.failed", "response.incomplete")
NOT_FOUND = "previous_response_not_found"


@contextlib.contextmanager
def opened() -> Iterator[Connection]:
    """Open a connection."""
    url = f"{TASK.base_url}/responses".replace("http", "ws", 1)
    headers = {"Authorization": f"Bearer {TASK.api_key}"}
    with connect(url, additional_headers=headers, max_size=None, proxy=None) as connection:
        yield connection


def turn(
    connection: Connection, model: str, given: Any, *, is_checked: bool = True, **more: Any
) -> Json:
    """Ask for a response; return the frame that ends it, or refuses it.

    What a compaction has given goes back as it came, and is not checked.
    """
    message = {"type": "response.create", "model": model, "input": given, **more}
    if is_checked:
        check_create(message)
    connection.send(json.dumps(message))
    while True:
        frame = json.loads(connection.recv(PATIENCE_S))
        check_frame(frame)
        if frame["type"] in ENDS or frame["type"] == "error":
            return frame


def completed(connection: Connection, model: str, given: Any, **more: Any) -> str:
    """Ask for a response, which is completed with an output; return its id."""
    ended = turn(connection, model, given, **more)
    if ended["type"] != "response.completed":
        raise ValueError(f"it ends with {ended}")
    is_generated = more.get("generate", True)
    return check_completed(ended["response"], has_output=is_generated)["id"]


def refused(connection: Connection, model: str, given: Any, code: str, **more: Any) -> None:
    """Ask for a response, which is refused with that code; "" for whichever."""
    ended = turn(connection, model, given, **more)
    error = ended.get("error") or (ended.get("response") or {}).get("error") or {}
    if not error.get("code") or (code and error["code"] != code):
        raise ValueError(f"{code or 'an error'} was to come, and not {ended}")


def cases(model: str) -> Iterator[str]:
    """Go through the cases; yield the name of each that is as it should be."""
    with opened() as connection:
        completed(connection, model, [said("user", "Count to three.")])
    yield "websocket-response"
    with opened() as connection:
        completed(connection, model, "Say: first", store=False)
        completed(connection, model, "Say: second", store=False)
    yield "websocket-sequential-responses"
    with opened() as connection:
        first = completed(connection, model, "The word is cobalt.", store=False)
        completed(connection, model, "Which word?", store=False, previous_response_id=first)
    yield "websocket-continuation"
    with opened() as connection:
        first = completed(connection, model, "The word is copper.", store=False)
    with opened() as connection:
        refused(connection, model, "Which?", NOT_FOUND, store=False, previous_response_id=first)
        completed(connection, model, [said("user", "Then begin anew.")], store=False)
    yield "websocket-reconnect-store-false-recovery"
    with opened() as connection:
        unknown = "resp_openresponses_missing_1764967971000"
        refused(connection, model, "And?", NOT_FOUND, store=False, previous_response_id=unknown)
    yield "websocket-previous-response-not-found"
    yield from _evicting(model)
    window = compacted(model)["output"]
    with opened() as connection:
        given = [*window, said("user", "Go on from here.")]
        completed(connection, model, given, store=False, tools=[], is_checked=False)
    yield "websocket-compact-new-chain"


def earlier_cases(model: str) -> Iterator[str]:
    """Go through the case that stands in other versions of the suite."""
    with opened() as connection:
        warm = completed(connection, model, "Get ready.", store=False, generate=False)
        completed(connection, model, "Now.", store=False, previous_response_id=warm)
    yield "websocket-generate-false"


def _evicting(model: str) -> Iterator[str]:
    """A continuation that fails has its connection forget what it would have continued."""
    with opened() as connection:
        first = completed(connection, model, "The word is ember.", store=False)
        orphan = {"type": "function_call_output", "call_id": "call_no", "output": "No such call."}
        refused(connection, model, [orphan], "", store=False, previous_response_id=first)
        refused(connection, model, "Again?", NOT_FOUND, store=False, previous_response_id=first)
    yield "websocket-failed-continuation-evicts-cache"
