"""What becomes of answers whose callers leave: given up, carried on, or kept for a retry.

As a rule an answer is given up at once (A4). With `X-On-Disconnect: continue` a stream goes on to
its end (C7). With an Idempotency-Key the caller is expected again: the answer goes on for a minute,
and for as long as another request with that key waits for it (C3).

What goes on without its caller stays one of the requests in flight of its process, and of its key:
so there are no more of them than `[requests] max_in_flight` allows.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from app.api import context
from app.api.http.json_response import TraceRecorder
from app.api.idempotency import KeyedRecorder
from app.api.turns.turn import turn_of
from app.domain.request import CreateRequest
from app.domain.stream.deltas import close_batches
from app.domain.stream.events import Event
from app.domain.stream.replay.cuts import StreamCuts
from app.domain.upstream_call import UpstreamCall
from app.errors import InvalidRequest
from app.services.live_streams.terms import StreamTerms
from app.telemetry import identify, log

HEADER = "X-On-Disconnect"
_KEY = "HTTP_X_ON_DISCONNECT"


class AbsentCaller:
    """One answer, whose caller may leave. `body` is the JSON of its request.

    `recorder` notes how it ends; `terms` say how it is kept where it is streamed; `carry_on`, where
    it is there, takes a stream to its end that its caller has left.
    """

    def __init__(
        self,
        current: context.CallContext,
        request: CreateRequest,
        body: Any,
        call: UpstreamCall,
        *,
        is_to_go_on: bool,
    ) -> None:
        self._current, self._call, self._goes_on = current, call, is_to_go_on
        cuts: StreamCuts | None = None
        self.recorder = TraceRecorder(current)
        owned = current.owned_key
        if owned is not None:
            if request.stream:
                cuts = current.services.responses.replays.new_cuts()
            self.recorder = KeyedRecorder(current, owned, request, cuts)
            if not self._goes_on:
                owned.on_unheard = call.cancel
        is_kept = self._goes_on or owned is not None
        self.carry_on = self._carry_on if is_kept else None
        self.terms = StreamTerms(body, is_kept, cuts)

    def watch(self) -> object | None:
        """Watch for the caller's hang-up; return what ends the watch, None where there is none."""
        owned, hangups = self._current.owned_key, self._current.services.hangups
        if owned is not None:
            return hangups.watch(self._current.environ, owned.leave)
        if self._goes_on:
            return None
        turn = turn_of(self._current.environ)
        if turn is not None:  # its connection knows
            turn.watch(self._call.cancel)
            return None
        return hangups.watch(self._current.environ, self._call.cancel)

    def _carry_on(self, batches: Iterator[Sequence[Event]], over: Callable[[], None]) -> None:
        """Take a stream to its end in a thread of its own.

        The process's end reaches it as ever (open_answers). Where there is no thread to be had, it
        ends at once, as a stream does whose caller leaves.
        """
        call, identity, owned = self._call, self._current.identity, self._current.owned_key
        in_flight, place = self._current.services.in_flight, self._current.place
        self._current.place = None  # the stream's, from here on
        call.relay = None  # there is nobody to push to
        if owned is not None:
            owned.leave()

        def leave() -> None:
            if place is not None:
                in_flight.leave(place)
            over()

        def take() -> None:
            identify(request_id=identity.request_id, trace_id=identity.trace_id)
            try:
                deque(batches, maxlen=0)
                log.info("stream_carried_on", response_id=call.response_id)
            finally:
                leave()

        try:
            threading.Thread(target=take, name="left stream", daemon=True).start()
        except RuntimeError:
            try:
                close_batches(batches)
            finally:
                leave()


def goes_on(environ: dict[str, Any], request: CreateRequest) -> bool:
    """Tell whether an answer is to go on without its caller.

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
