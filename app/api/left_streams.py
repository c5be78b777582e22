"""Streams that go on without their callers, where these asked for that (C7)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from app.domain.identity import RequestIdentity
from app.domain.request import CreateRequest
from app.domain.stream.events import Event
from app.domain.upstream_call import UpstreamCall
from app.errors import InvalidRequest
from app.telemetry import identify, log

HEADER = "X-On-Disconnect"
_KEY = "HTTP_X_ON_DISCONNECT"


def goes_on(environ: dict[str, Any], request: CreateRequest) -> bool:
    """Tell whether the answer is to go on without its caller.

    Raises:
        InvalidRequest: the header says something else, or the answer is not streamed and stored.
    """
    wanted = environ.get(_KEY)
    if wanted is None or wanted == "cancel":
        return False
    if wanted != "continue":
        what = f"The header {HEADER} must be 'continue' or 'cancel'."
        raise InvalidRequest(what, param=HEADER, code="invalid_value")
    if not (request.stream and request.store):
        raise InvalidRequest(
            f"The header {HEADER} 'continue' needs 'stream' and 'store': nobody could read the "
            "answer later.",
            param=HEADER,
            code="unsupported_value",
        )
    return True


def carry_on(
    call: UpstreamCall, identity: RequestIdentity
) -> Callable[[Iterator[Sequence[Event]], Callable[[], None]], None]:
    """Return what takes a stream to its end in a thread of its own, once its caller has left.

    The process's end reaches it as ever (open_answers). Where there is no thread to be had, it ends
    at once, as a stream does whose caller leaves.
    """

    def begin(batches: Iterator[Sequence[Event]], over: Callable[[], None]) -> None:
        call.relay = None  # there is nobody to push to

        def take() -> None:
            identify(request_id=identity.request_id, trace_id=identity.trace_id)
            try:
                deque(batches, maxlen=0)
                log.info("stream_carried_on", response_id=call.response_id)
            finally:
                over()

        try:
            threading.Thread(target=take, name="left stream", daemon=True).start()
        except RuntimeError:
            try:
                batches.close()  # type: ignore[attr-defined] # it is a generator
            finally:
                over()

    return begin
