"""Shows this process's streams to other processes, and receives their requests for them (C7).

A stream that lasts is also written to the store, by one thread for all of them: its record and a
lease, then its events, several streams per round trip. Events of a stream that nobody follows are
written once in a while, others at once. While the store is unreachable, only the events wait.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from math import inf
from secrets import token_hex

from app.domain.response import Status
from app.domain.stream.replay.cuts import StreamCuts
from app.domain.upstream_call import UpstreamCall
from app.errors import ResponseCancelled, StorageUnavailable, Unavailable
from app.services.answering.prepared.request import PreparedRequest
from app.services.live_streams.live_stream import LiveStream
from app.services.live_streams.terms import StreamTerms
from app.store.jobs.base import Flush, JobNews, JobStore, LiveStreamStore
from app.telemetry import STORE_FAILURES, surviving

#: A stream that ends within this many seconds is not written.
SEEN_AFTER_S = 0.05
#: For how many seconds events wait: those of a stream that is followed, and those of any other.
FOLLOWED_S, UNFOLLOWED_S = 0.05, 1.0
#: Streams written in one round trip. MEASURED: a second's events of one take 60 us. With 64 at a
#: time, each of 500 streams takes 74 kB in place of 63, and the latest events are twice as late.
AT_ONCE = 8
#: Statuses with which other processes end streams: one that has them may have been ended by these.
ENDS_OF_OTHERS: tuple[Status, ...] = ("failed", "cancelled")
#: How many times a lease is renewed within its duration.
RENEWALS = 4
#: Seconds after which an unreachable store is tried again.
PAUSE_S = 0.5


class LiveStreams:
    """The streams that run in this process.

    `lease_s` is for how long a stream still belongs to a lost process. `clock` is like
    time.monotonic, `pause` like time.sleep, `now` like time.time.
    """

    def __init__(
        self,
        jobs: JobStore,
        store: LiveStreamStore,
        lease_s: float,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._renewed_s = lease_s / RENEWALS
        self._clock, self._pause, self._now = clock, pause, now
        self._token = ""
        self._streams: dict[str, LiveStream] = {}
        self._hidden: dict[str, LiveStream] = {}  # not yet visible to other processes
        self._followed: dict[str, LiveStream] = {}
        self._ended: list[str] = []  # ids whose leases are to be forgotten
        self._flush_at = self._renew_at = clock()
        self._sleeps_until = 0.0
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._running: dict[str, int] = {}  # name of a thread -> id of the process it runs in

    def begin(
        self,
        prepared: PreparedRequest,
        call: UpstreamCall,
        cuts: StreamCuts,
        terms: StreamTerms,
    ) -> LiveStream | None:
        """Make a stream visible to others soon; at once if it may go on without its caller.

        Returns None if its terms let nobody see it.
        """
        if terms.body is None:
            return None
        self._token = self._token or token_hex(8)  # made here, after every fork
        now = self._clock()
        stream = LiveStream(prepared, call, cuts, terms, self._token, now)
        self._streams[stream.claim.response_id] = stream
        self._hidden[stream.claim.response_id] = stream
        if terms.outlasts:
            try:
                self._show([stream])
            except StorageUnavailable:
                STORE_FAILURES.labels("streams").inc()  # it is tried again
        if now + FOLLOWED_S < self._sleeps_until:
            self._wake.set()
        self._start("streams", self._keep_writing)
        return stream

    def end(self, stream: LiveStream, status: Status, *, is_stored: bool) -> bool:
        """Stop writing a stream; return whether another process has ended it, or will.

        If nothing stores its response, its lease runs out and a sweep ends it.
        """
        stream.close()
        response_id = stream.claim.response_id
        for streams in (self._hidden, self._followed, self._streams):
            streams.pop(response_id, None)
        if not stream.is_seen:
            return False
        if is_stored:
            self._ended.append(response_id)
        return (not is_stored or status in ENDS_OF_OTHERS) and self._is_others(stream, is_stored)

    def _is_others(self, stream: LiveStream, is_stored: bool) -> bool:
        try:
            token = self._store.lease_token(stream.claim.response_id)
        except StorageUnavailable:
            return not is_stored  # a spooled response replaces the stream
        return token is not None and not (is_stored and token == stream.claim.lease_token)

    def write(self) -> None:
        """Write what is due. Raises StorageUnavailable."""
        now = self._clock()
        is_time = now >= self._flush_at
        # Leases first: on a Cluster, the writes after them may keep failing for one stream.
        if now >= self._renew_at:
            self._renew()
            self._renew_at = now + self._renewed_s
        if is_time:
            self._forget()
        hidden = [
            each for each in list(self._hidden.values()) if now - each.began_at >= SEEN_AFTER_S
        ]
        if hidden:
            self._show(hidden)
        self._flush(list((self._streams if is_time else self._followed).values()))
        if is_time:
            self._flush_at = now + UNFOLLOWED_S

    def hear(self, what: JobNews, response_id: str) -> None:
        """Handle a request to a stream; "" says that some may have been missed.

        Raises StorageUnavailable.
        """
        for stream in self._of(response_id):
            if what == "cancel":
                stream.stop(ResponseCancelled("The response was cancelled."))
            elif what == "wanted":
                self._followed[response_id] = stream
                if stream.is_closed:  # its end may have come in the meantime
                    self._followed.pop(response_id, None)
                self._wake.set()
            else:
                self._check(stream)

    def _of(self, response_id: str) -> list[LiveStream]:
        if not response_id:
            return [each for each in list(self._streams.values()) if each.is_seen]
        stream = self._streams.get(response_id)
        return [] if stream is None else [stream]

    def _show(self, streams: list[LiveStream]) -> None:
        now = self._now()
        begun = self._store.begin([each.new(now) for each in streams])
        for stream, is_ours in zip(streams, begun, strict=True):
            stream.is_seen = True
            self._hidden.pop(stream.claim.response_id, None)
            if not is_ours:
                stream.close()
            if stream.is_closed:  # it may have ended meanwhile
                self._ended.append(stream.claim.response_id)
        self._start("stream news", self._keep_listening)

    def _flush(self, streams: list[LiveStream]) -> None:
        """Write what waits, several streams per round trip."""
        for first in range(0, len(streams), AT_ONCE):
            due = streams[first : first + AT_ONCE]
            found = ((each, each.begin_flush(self._jobs.encode)) for each in due)
            flushes = [(stream, flush) for stream, flush in found if flush is not None]
            if flushes:
                self._append(flushes)

    def _append(self, flushes: list[tuple[LiveStream, Flush]]) -> None:
        written = self._jobs.append([(stream.claim, flush) for stream, flush in flushes])
        for (stream, _), is_ours in zip(flushes, written, strict=True):
            if is_ours:
                stream.end_flush()
            else:
                self._check(stream)

    def _check(self, stream: LiveStream) -> None:
        """Stop a stream that another process has ended; one whose record is lost goes on unseen."""
        if stream.is_closed:
            return
        token = self._store.lease_token(stream.claim.response_id)
        if token == stream.claim.lease_token:
            return
        if token is not None:
            fault = "Another process took this one for lost, and ended the answer."
            stream.stop(Unavailable(fault))
        stream.close()

    def _renew(self) -> None:
        seen = [name for name, each in list(self._streams.items()) if each.is_seen]
        if seen:
            self._store.lease(seen)

    def _forget(self) -> None:
        count = len(self._ended)
        if count:
            self._jobs.forget(self._ended[:count])
            self._store.forget(self._ended[:count])
            del self._ended[:count]

    def _sleep_s(self) -> float | None:
        """Return for how many seconds there is nothing to write; None: until a stream begins."""
        if self._hidden or self._followed:
            return FOLLOWED_S
        if not (self._streams or self._ended):
            return None
        return max(FOLLOWED_S, min(self._flush_at, self._renew_at) - self._clock())

    def _start(self, name: str, target: Callable[[], None]) -> None:
        # MEASURED: under gevent, Thread.is_alive gives all other threads a turn first, and a stream
        # that begins would wait for them.
        if self._running.get(name) == os.getpid():
            return
        with self._lock:
            if self._running.get(name) == os.getpid():
                return
            self._running[name] = os.getpid()
            thread = threading.Thread(target=self._run, args=(name, target), name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                del self._running[name]  # the system has none to give: the next stream may get one

    def _run(self, name: str, target: Callable[[], None]) -> None:
        try:
            target()
        finally:
            self._running.pop(name, None)

    def _keep_writing(self) -> None:
        while True:
            self._sleeps_until = inf  # a stream that begins meanwhile has to wake this thread
            sleep_s = self._sleep_s()
            self._sleeps_until = self._clock() + (inf if sleep_s is None else sleep_s)
            self._wake.wait(sleep_s)
            self._wake.clear()
            is_written = False
            with surviving("streams"):
                self.write()
                is_written = True
            if not is_written:
                self._pause(PAUSE_S)

    def _keep_listening(self) -> None:
        while True:
            with surviving("stream_news"):
                for what, response_id in self._store.news():
                    self.hear(what, response_id)
            self._pause(PAUSE_S)
