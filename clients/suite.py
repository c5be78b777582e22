"""The cases of Open Responses' compliance suite: what the model answers, request by request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from clients.catalog import Client
from clients.site import Format
from tests.upstream.script import Call, Script

QUESTIONS = ()
RESULT = ""
#: The cases, of which a client names those that are as they should be.
ANSWERS = (
    "basic-response",
    "streaming-response",
    "system-prompt",
    "tool-calling",
    "function-call-roundtrip",
    "image-input",
    "file-input",
    "multi-turn",
    "previous-response-id",
    "compact",
    "compact-without-model",
)

_CALL = Script(calls=(Call(name="get_weather", arguments='{"city": "Rome"}'),))
_TEXT = Script(reasoning="I answer.", say="It is as it should be.")


def scripts(_format: Format, _client: Client, _mode: str) -> tuple[Script, ...]:
    """Return what the model answers."""
    return (_TEXT, _TEXT, _TEXT, _CALL, _CALL, *[_TEXT] * 7)


def faults(
    _format: Format, bodies: Sequence[Any], _client: Client, _mode: str, *, reasoning: bool
) -> Iterator[str]:
    """Yield what is wrong with what the upstream was sent."""
    del reasoning
    if len(bodies) != (expected := len(scripts(_format, _client, _mode))):
        yield f"the upstream was asked {len(bodies)} times, not {expected}"
