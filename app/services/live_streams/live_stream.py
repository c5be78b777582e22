"""One stream that this process sends to its caller, as others see it.

Its events wait here until they are flushed. What still waits at its end is never written: from then
on the events are made again of the response, which is stored, and of where it was cut.
"""

from __future__ import annotations

from collections.abc import Callable

from app.domain.prices import Cost
from app.domain.request import INCLUDE_ENCRYPTED
from app.domain.response import Usage
from app.domain.stream.events import Event, TextDelta, is_terminal
from app.domain.stream.replay.cuts import StreamCuts
from app.domain.turns.job_payload import JobPayload
from app.domain.turns.turn import Thread
from app.domain.upstream_call import UpstreamCall
from app.errors import GatewayError
from app.services.answering.prepared.request import PreparedRequest
from app.services.answering.run import visible
from app.services.live_streams.terms import StreamTerms
from app.store.jobs.base import Claim, Flush, NewStream


class LiveStream:
    """A stream from its first event to its last.

    `token` is the lease token of this process. `usage` returns what the upstream has counted so
    far, `cost` what such counts cost; `written` are those that others know. Times are the keeper's
    clock's.
    """

    __slots__ = (
        "_body",
        "_call",
        "_counts",
        "_flush",
        "_next",
        "_prepared",
        "began_at",
        "claim",
        "cost",
        "cuts",
        "is_closed",
        "is_seen",
        "outlasts",
        "usage",
        "waiting",
        "written",
    )

    def __init__(
        self,
        prepared: PreparedRequest,
        call: UpstreamCall,
        cuts: StreamCuts,
        terms: StreamTerms,
        token: str,
        began_at: float,
    ) -> None:
        account, response_id = prepared.caller.account, prepared.response.id
        key = prepared.caller.content_key
        self.claim = Claim(response_id, account, b"", token, token, key=key)
        self.cuts = cuts
        self.waiting: list[Event] = []
        cuts.waiting = self.waiting
        self.outlasts = terms.outlasts
        if terms.outlasts:
            cuts.note_outlasting()
        self.began_at = began_at
        self.is_seen = self.is_closed = False
        self.written: tuple[Usage | None, Cost | None] = (None, None)
        self.usage: Callable[[], Usage | None] = lambda: None
        self.cost: Callable[[Usage], Cost | None] = lambda _: None
        self._prepared, self._call = prepared, call
        # The input stands in the thread: as JSON of a body it may be many MiB more.
        body = terms.body or {}
        self._body = {name: body[name] for name in body if name != "input"}
        self._next = 0
        self._flush: Flush | None = None  # what is being written, the same until it is
        self._counts: tuple[Usage | None, Cost | None] = (None, None)

    def new(self, queued_at: float) -> NewStream:
        """Return what has others see it. Of its conversation it repeats no more than its input."""
        prepared, thread = self._prepared, self._prepared.thread
        payload = JobPayload(
            account=self.claim.account,
            key_id=prepared.caller.key_id,
            body=self._body,
            request=prepared.request,
            thread=Thread(thread.response_id, (), thread.own, thread.position),
            response=prepared.response,
            queued_at=queued_at,
            identity=self._call.identity,
            permissions=prepared.caller.permissions,
            user_hash=prepared.user_hash,
            key=self.claim.key,
        )
        return NewStream(self.claim, payload, self.outlasts)

    def stop(self, fault: GatewayError) -> None:
        """Give the upstream up because of this fault, from whatever thread."""
        if not self.is_closed:
            self._call.abort(fault)

    def close(self) -> None:
        """Flush nothing any more."""
        self.is_closed = True

    def begin_flush(self, encode: Callable[[Event], bytes]) -> Flush | None:
        """Return what waits to be written, if anything does; the same until `end_flush`."""
        if self.is_closed or not self.is_seen:
            return None
        if self._flush is None:
            events = self.waiting[:]
            if not events or is_terminal(events[-1]):
                return None  # silence; or its end, which is stored first
            del self.waiting[: len(events)]
            usage, cost = self._counted()
            lines = tuple(map(encode, self._visible(events)))
            self._flush = Flush(self._next, lines, usage, has_output=True, cost=cost)
        return self._flush

    def end_flush(self) -> None:
        """Take note that what was returned is written."""
        flush = self._flush
        if flush is not None:
            self._next += len(flush.lines)
            if flush.usage is not None:
                self.written = flush.usage, flush.cost
            self._flush = None

    def _visible(self, events: list[Event]) -> list[Event]:
        if INCLUDE_ENCRYPTED in self._prepared.request.parameters.include:
            return events
        # Nearly every event is this one, which shows all that it has.
        return [each if type(each) is TextDelta else visible(each) for each in events]

    def _counted(self) -> tuple[Usage | None, Cost | None]:
        usage = self.usage()
        if usage is not None and usage != self._counts[0]:
            self._counts = usage, self.cost(usage)
        return self._counts
