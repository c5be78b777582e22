"""Handles answers whose callers leave: they are cancelled, carried on, or kept for a retry.

By default an answer is cancelled at once (A4). With `X-On-Disconnect: continue` a stream runs to
its end (C7). With an Idempotency-Key a retry is expected: the answer runs on for a minute, and for
as long as another request with that key waits for it (C3).

An answer that runs on without its caller still counts among the requests in flight of its process
and its key, so that `[requests] max_in_flight` bounds them, too.
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
from app.services.accounts.permissions import permitted
from app.services.live_streams.terms import StreamTerms
from app.telemetry import identify, log

HEADER = "X-On-Disconnect"
_KEY = "HTTP_X_ON_DISCONNECT"


class AbsentCaller:
    """One answer whose caller may leave. `body` is the JSON of its request.

    `recorder` records how it ends; `terms` say how it is stored if it is streamed; `carry_on`, if
    not None, runs a stream to its end after its caller has left.
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
        """Watch for the caller's hang-up; return a handle to end it, None if no watch is needed."""
        owned, hangups = self._current.owned_key, self._current.services.hangups
        if owned is not None:
            return hangups.watch(self._current.environ, owned.leave)
        if self._goes_on:
            return None
        turn = turn_of(self._current.environ)
        if turn is not None:  # the WebSocket detects it
            turn.watch(self._call.cancel)
            return None
        return hangups.watch(self._current.environ, self._call.cancel)

    def _carry_on(self, batches: Iterator[Sequence[Event]], over: Callable[[], None]) -> None:
        """Run a stream to its end in a thread of its own.

        The process's end still stops it (open_answers). If no thread can be started, the stream is
        closed at once, as that of any caller who leaves.
        """
        call, identity, owned = self._call, self._current.identity, self._current.owned_key
        in_flight, place = self._current.services.in_flight, self._current.place
        self._current.place = None  # from here on the stream gives it back
        call.relay = None  # there is no caller to push to
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


def goes_on(current: context.CallContext, request: CreateRequest) -> bool:
    """Tell whether an answer must run on after its caller leaves.

    Raises:
        InvalidRequest: the header's value is unknown, or the answer is not streamed and stored,
            which its key or account may have decided.
    """
    wanted = current.environ.get(_KEY)
    if wanted is None or wanted == "cancel":
        return False
    if wanted != "continue":
        what = f"The header {HEADER} must be 'continue' or 'cancel'."
        raise InvalidRequest(what, param=HEADER, code="invalid_value")
    if not (request.stream and permitted(current.caller, request).store):
        raise InvalidRequest(
            f"The header {HEADER} 'continue' needs 'stream' and 'store': nobody could read the "
            "answer later.",
            param=HEADER,
            code="unsupported_value",
        )
    return True
