"""One response, in each of the ways in which a caller may ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.e2e.background import ended, queued
from tests.e2e.gateway import Gateway
from tests.e2e.wire import Event

WAYS = ("whole", "streamed", "background")


def answered(
    gateway: Gateway,
    way: str,
    given: list[Any],
    check_events: Callable[[list[Event]], None] | None = None,
    /,
    **body: Any,
) -> dict[str, Any]:
    """Return the response to this input, once it has ended; a stream's events are checked."""
    match way:
        case "streamed":
            stream = gateway.stream(given, **body)
            if check_events is not None:
                check_events(list(stream.events))
            return stream.response
        case "background":
            return ended(gateway, queued(gateway, "", input=given, **body))
        case _:
            return gateway.create(given, **body)
