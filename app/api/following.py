"""Streams of events read back from storage, of responses that run or have ended (E5, C7, C3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from app.api import context
from app.api.http import sse
from app.api.http.response import WSGIResponse
from app.errors import CallerGone, GatewayError
from app.services.responses.following import Follower
from app.telemetry import STREAMS_OPEN, own_mistake


def followed(
    current: context.CallContext,
    follower: Follower,
    headers: Mapping[str, str] | None = None,
    on_batch: Callable[[], None] = lambda: None,
) -> WSGIResponse:
    """Send the batches of a follower; `on_batch` is called before each, empty ones included.

    If this process ends first, or can read no further, an `error` event is sent: the response
    itself goes on, and can be followed again from the sequence number that this event repeats.
    """
    services = current.services
    follower.reading = context.resuming()
    faults: list[GatewayError] = []

    def cut(fault: GatewayError) -> None:
        faults.append(fault)
        follower.close()

    def leave() -> None:
        current.trace.error_code = CallerGone.code
        follower.close()

    def batches() -> Iterator[Sequence[bytes]]:
        try:
            for batch in follower:
                on_batch()
                yield batch
        except Exception as failure:  # noqa: BLE001 - the 200 is out: only an event can say it
            fault = failure
            if not isinstance(fault, GatewayError):
                fault = own_mistake(failure, "", "follow")
            current.trace.error_code = fault.code
            faults.append(fault)
        yield from sse.fault_events(follower, faults)

    place = services.open_answers.enter(cut)
    watch = services.hangups.watch(current.environ, leave)
    over = streaming(services, watch, place)
    return sse.stream_response(sse.Stream(batches(), sse.line_frames, over), headers)


def streaming(
    services: context.Services, watch: object | None, place: object
) -> Callable[[], None]:
    """Count an open stream; return the function to call when it has ended."""
    STREAMS_OPEN.inc()

    def over() -> None:
        STREAMS_OPEN.dec()
        services.hangups.forget(watch)
        services.open_answers.leave(place)

    return over
