"""One stream that this process sends to its caller, as other processes see it.

Its events wait here until they are flushed. Those that still wait at its end are never written:
from then on, events are rebuilt from the stored response and from where it was cut.
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

    `token` is the lease token of this process. `usage` returns what the upstream has reported so
    far, `cost` what that costs; `written` are the values that other processes know. Times are of
    the keeper's clock.
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
        # The thread has the input: as JSON of the body it may take many MiB more.
        body = terms.body or {}
        self._body = {name: body[name] for name in body if name != "input"}
        self._next = 0
        self._flush: Flush | None = None  # what is being written, unchanged until it is written
        self._counts: tuple[Usage | None, Cost | None] = (None, None)

    def new(self, queued_at: float) -> NewStream:
        """Return the record that others see; of the conversation it has only the turn's input."""
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
        """Abort the upstream call with this fault; may be called from any thread."""
        if not self.is_closed:
            self._call.abort(fault)

    def close(self) -> None:
        """Flush nothing more."""
        self.is_closed = True

    def begin_flush(self, encode: Callable[[Event], bytes]) -> Flush | None:
        """Return the events to write, if there are any; the same until `end_flush`."""
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
        """Record that the flush is written."""
        flush = self._flush
        if flush is not None:
            self._next += len(flush.lines)
            if flush.usage is not None:
                self.written = flush.usage, flush.cost
            self._flush = None

    def _visible(self, events: list[Event]) -> list[Event]:
        if INCLUDE_ENCRYPTED in self._prepared.request.parameters.include:
            return events
        # Nearly every event is a text delta, which has nothing to hide.
        return [each if type(each) is TextDelta else visible(each) for each in events]

    def _counted(self) -> tuple[Usage | None, Cost | None]:
        usage = self.usage()
        if usage is not None and usage != self._counts[0]:
            self._counts = usage, self.cost(usage)
        return self._counts
