"""Streams of responses that are followed, or sent again (E5, C7, C3)."""

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
    """Send what a follower yields; `on_batch` is called before each batch, at silences too.

    Where this process ends first, or cannot read on, an `error` event says so: the response goes
    on, and can be followed again from the number on that this event repeats.
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
        except Exception as failure:  # noqa: BLE001 - the 200 is under way: nobody else can say it
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
    """Count a stream; return what to call when it is over."""
    STREAMS_OPEN.inc()

    def over() -> None:
        STREAMS_OPEN.dec()
        services.hangups.forget(watch)
        services.open_answers.leave(place)

    return over
