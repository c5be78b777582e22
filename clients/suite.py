"""The cases of Open Responses' compliance suite: what the model answers, request by request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from clients.catalog import Client
from clients.site import Format
from tests.upstream.script import Call, Script

QUESTIONS = ()
RESULT = ""
_CALL = Script(calls=(Call(name="get_weather", arguments='{"city": "Rome"}'),))
_TEXT = Script(reasoning="I answer.", say="It is as it should be.")
#: The suite's cases, and what the model answers in each.
_CASES = {
    "basic-response": (_TEXT,),
    "assistant-phase": (_TEXT,),
    "response-output-phase-schema": (_TEXT,),
    "streaming-response": (_TEXT,),
    "system-prompt": (_TEXT,),
    "tool-calling": (_CALL,),
    "image-input": (_TEXT,),
    "multi-turn": (_TEXT,),
    "compact-response": (_TEXT,),
    "compact-missing-model": (),
    "websocket-response": (_TEXT,),
    "websocket-sequential-responses": (_TEXT, _TEXT),
    "websocket-continuation": (_TEXT, _TEXT),
    "websocket-reconnect-store-false-recovery": (_TEXT, _TEXT),
    "websocket-previous-response-not-found": (),
    "websocket-failed-continuation-evicts-cache": (_TEXT,),
    "websocket-compact-new-chain": (_TEXT, _TEXT),
}
#: Cases that other versions of it have.
_EARLIER = {
    "function-call-roundtrip": (_CALL, _TEXT),
    "previous-response-id": (_TEXT, _TEXT),
    "file-input": (_TEXT,),
    "websocket-generate-false": (_TEXT,),
}
#: Of which a client names those that are as they should be.
ANSWERS = (*_CASES, *_EARLIER)


def scripts(_format: Format, _client: Client, _mode: str) -> tuple[Script, ...]:
    """Return what the model answers."""
    return tuple(script for each in (_CASES | _EARLIER).values() for script in each)


def faults(
    _format: Format, bodies: Sequence[Any], _client: Client, _mode: str, *, reasoning: bool
) -> Iterator[str]:
    """Yield what is wrong with what the upstream was sent."""
    del reasoning
    if len(bodies) != (expected := len(scripts(_format, _client, _mode))):
        yield f"the upstream was asked {len(bodies)} times, not {expected}"
