"""Bounds the concurrent calls of one provider in this process; waiting calls are served in turn."""

from __future__ import annotations

import threading
from collections import deque

from app.domain.upstream_call import UpstreamCall
from app.errors import CallerGone, UpstreamUnavailable


class ConcurrencyLimiter:
    """The slots of one provider: `size` of them, None for no bound."""

    def __init__(self, provider: str, size: int | None) -> None:
        self._provider = provider
        self.size = size
        self._taken = 0
        self._queue: deque[threading.Event] = deque()
        # Reentrant: the garbage collector may end a dropped call while its thread has the lock.
        self._lock = threading.RLock()

    def share(self) -> float:
        """Return the number of slots taken or waited for, as a share of all slots."""
        return (self._taken + len(self._queue)) / (self.size or 1)

    def acquire(self, call: UpstreamCall, wait_s: float) -> None:
        """Take a slot, waiting for one at most `wait_s` seconds.

        Raises:
            UpstreamUnavailable: none became free in time.
            CallerGone: the call was cancelled.
        """
        if self.size is None:
            return
        if self._try_acquire(self.size):
            return
        call.begin_waiting()
        turn = threading.Event()
        if self._try_acquire(self.size, turn):
            return
        call.attach(turn.set)
        turn.wait(max(0.0, wait_s))
        self._end_waiting(turn, call)

    def _try_acquire(self, size: int, turn: threading.Event | None = None) -> bool:
        """Take a free slot; if there is none, `turn` joins the queue."""
        with self._lock:
            if self._taken < size:
                self._taken += 1
                return True
            if turn is not None:
                self._queue.append(turn)
            return False

    def _end_waiting(self, turn: threading.Event, call: UpstreamCall) -> None:
        with self._lock:
            has_slot = turn not in self._queue  # `release` took it out to hand a slot over
            if not has_slot:
                self._queue.remove(turn)
        if call.cancelled:
            if has_slot:
                self.release()
            raise CallerGone("The caller hung up.")
        if not has_slot:
            raise UpstreamUnavailable(
                f"The provider '{self._provider}' is busy with as many calls as it may have at "
                "once. Try again shortly.",
                retry_after_s=1,
            )

    def release(self) -> None:
        """Hand the slot to the call that has waited longest, or free it."""
        if self.size is None:
            return
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._taken -= 1
