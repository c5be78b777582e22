"""What a worker tells of one job: events gathered into flushes, none of them late.

Flushed at 64 events or 50 ms, and always before a terminal one. While the store is away, events
wait for it; when it stays away, the answer is given up and the lease left to run out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from app.domain.events import Event, is_terminal
from app.errors import StorageUnavailable
from app.schemas.events import encode
from app.store.base import Turn
from app.store.jobs_base import Claim, Flush, JobStore

FLUSH_EVENTS = 64
FLUSH_S = 0.05
STORE_PATIENCE_S = 20.0
STORE_PAUSE_S = 0.5

_LIFECYCLE = ("response.created", "response.queued", "response.in_progress")


class Telling:
    """The stream of one job, while it is this worker's.

    `gone` is called when it is not any more. `clock` is like time.monotonic.
    """

    def __init__(
        self,
        jobs: JobStore,
        claim: Claim,
        clock: Callable[[], float],
        gone: Callable[[], None],
    ) -> None:
        self._jobs = jobs
        self._claim = claim
        self._clock = clock
        self._gone = gone
        self._lock = threading.Lock()
        self._waiting: list[bytes] = []
        self._told = claim.told
        self._skip = claim.told
        self._since = 0.0
        self._spoke = False
        self._ours = True

    def tell(self, events: list[Event]) -> None:
        """Tell the next events; those that an earlier run of the job has told are left out."""
        if not events or is_terminal(events[-1]):
            return  # silence, or an ending that `finish` has told
        with self._lock:
            if not self._waiting:
                self._since = self._clock()
            for event in events:
                if event.sequence_number >= self._skip:
                    self._waiting.append(encode(event))
                    self._spoke = self._spoke or event.type not in _LIFECYCLE
            if len(self._waiting) >= FLUSH_EVENTS:
                self._flush()

    def flush_when_due(self) -> None:
        """Write down what has waited for FLUSH_S."""
        if not self._waiting or self._clock() - self._since < FLUSH_S:
            return
        with self._lock:
            self._flush()

    def finish(self, turn: Turn, ending: list[Event]) -> None:
        """Write down the end: what waited, the last events and the response, in one step.

        A cancelled response is left to who has cancelled it.

        Raises:
            StorageUnavailable: the store stayed away; the lease will run out.
        """
        if turn.response.status == "cancelled":
            return
        with self._lock:
            lines = (*self._waiting, *(encode(event) for event in ending))
            flush = Flush(self._told, lines)
            self._patiently(lambda: self._jobs.finish(self._claim, turn, flush))
            self._waiting, self._ours = [], False

    def is_ours(self) -> bool:
        """Ask the store whether the job is still this worker's."""
        claim = self._claim
        pending = self._jobs.pending(claim.job.account, claim.job.response_id)
        return pending is not None

    def _flush(self) -> None:
        if not self._waiting or not self._ours:
            return
        flush = Flush(self._told, tuple(self._waiting))
        try:
            self._ours = self._jobs.tell(self._claim, flush, spoke=self._spoke)
        except StorageUnavailable:
            if self._clock() - self._since > STORE_PATIENCE_S:
                self._ours = False
        else:
            self._told += len(self._waiting)
            self._waiting = []
        if not self._ours:
            self._gone()

    def _patiently(self, attempt: Callable[[], bool]) -> None:
        until, idle = self._clock() + STORE_PATIENCE_S, threading.Event()
        while True:
            try:
                attempt()
            except StorageUnavailable:
                if self._clock() > until:
                    raise
                idle.wait(STORE_PAUSE_S)
            else:
                return
