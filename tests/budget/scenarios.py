"""The requests that have a budget, each made anew as often as it is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, NamedTuple

from bench.questions import MODEL, continuing, large, small, streamed
from tests.budget.caller import Caller, Reply, Watch
from tests.upstream.client import Upstream
from tests.upstream.script import Script

RESPONSES = "/v1/responses"
TURNS = 100

#: One request, made under a watch or unwatched.
Ask = Callable[[Watch | None], Reply]


class Streams(NamedTuple):
    """Two streams that differ in `events` only: what they differ by is what those cost."""

    events: int
    fewer: Ask
    more: Ask


def scenarios(caller: Caller, upstream: Upstream) -> dict[str, Ask | Streams]:
    """Return everything that is counted, by its name in budget.toml."""
    stored = _id_of(_posted(caller, small().responses)(None))
    few_alone, more_alone = (_event_by_event(caller, upstream, events) for events in (10, 20))
    few, many = (_posted(caller, streamed(events).responses) for events in (200, 400))
    return {
        "small": _posted(caller, small().responses),
        "large": _posted(caller, large().responses),
        "turn_of_100": _conversation(caller),
        "retrieved": lambda watch: caller.ask("GET", f"{RESPONSES}/{stored}", watch=watch),
        "background": _posted(caller, {**small().responses, "background": True}),
        "stream": few_alone,
        "event_alone": Streams(10, few_alone, more_alone),
        "event_of_many": Streams(200, few, many),
    }


def _posted(caller: Caller, body: Mapping[str, Any]) -> Ask:
    return lambda watch: caller.ask("POST", RESPONSES, body, watch=watch)


def _conversation(caller: Caller) -> Ask:
    """Return the next turn of a conversation that has had TURNS."""
    last = _id_of(_posted(caller, small().responses)(None))

    def turn(watch: Watch | None) -> Reply:
        nonlocal last
        response = _posted(caller, continuing(last).responses)(watch)
        last = _id_of(response)
        return response

    for _ in range(TURNS - 1):
        turn(None)
    return turn


def _event_by_event(caller: Caller, upstream: Upstream, events: int) -> Ask:
    """Return a stream whose next event comes when the one before it was told."""
    numbers = count()

    def stream(watch: Watch | None) -> Reply:
        tag = f"{events}-{next(numbers)}"
        script = Script(events=events, step=True, tag=tag)
        body = {"model": MODEL, "input": script.text(), "stream": True}
        upstream.release(tag, 1)  # the gateway answers when it has a first event to tell

        def release() -> None:
            upstream.release(tag, 1)

        return caller.ask("POST", RESPONSES, body, watch=watch, between=release)

    return stream


def _id_of(result: Reply) -> str:
    return str(result.json()["id"])
