"""The keys of one provider, as this process knows them: their order, rests and load.

Keys are chosen by their weights in a smooth order (3:1 is a, a, b, a and not a, a, a, b): each
available key gains its weight, and the one with the highest balance is taken and pays what all have
gained. A key that its server limits or refuses rests, and no other key does (P3).
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from app.domain.upstream_call import UpstreamCall
from app.errors import CallerGone, GatewayError, UpstreamRateLimited, UpstreamUnavailable
from app.settings import KeySettings

#: Why a key rests.
Cause = Literal["rate_limited", "refused"]


@dataclass(slots=True)
class _Key:
    """A key: `balance` is what it has gained and not paid, `taken` how many calls use it."""

    settings: KeySettings
    balance: int = 0
    taken: int = 0
    rests_until: float = -math.inf
    cause: Cause = "refused"

    def has_room(self) -> bool:
        bound = self.settings.max_concurrency
        return bound is None or self.taken < bound


@dataclass(eq=False, slots=True)
class _Waiter:
    """A call that waits in turn for a key with a free slot; `key` is the one handed over."""

    woken: threading.Event = field(default_factory=threading.Event)
    key: _Key | None = None


class KeyPool:
    """The keys of one provider. `clock` is like time.monotonic. Safe for threads.

    `on_rest` gets for how many seconds a key rests from now on, and why; 0 ends its rest.
    """

    def __init__(
        self,
        provider: str,
        keys: Iterable[KeySettings],
        clock: Callable[[], float],
        on_rest: Callable[[str, float, Cause], None] = lambda _key, _seconds, _cause: None,
    ) -> None:
        self._provider = provider
        self._keys = {each.id: _Key(each) for each in keys}
        self._clock = clock
        self._on_rest = on_rest
        self._queue: deque[_Waiter] = deque()
        # Reentrant: the garbage collector may end a dropped call while its thread has the lock.
        self._lock = threading.RLock()

    def acquire(
        self,
        call: UpstreamCall,
        wait_s: float,
        preferred: str | None = None,
        tried: Collection[str] = (),
    ) -> str:
        """Take a key for a call, `preferred` if it can be had; keys already `tried` come last.

        If all keys that do not rest are busy, wait for one, at most `wait_s` seconds, and only
        while some key does not rest.

        Raises:
            UpstreamRateLimited: all rest because their server limits them.
            UpstreamUnavailable: all rest, or none became free in time.
            CallerGone: the call was cancelled.
        """
        with self._lock:
            key = None if self._queue else self._pick(preferred, tried)
            if key is None:
                self._refuse_if_all_rest()
        return (key or self._waited_for(call, wait_s)).settings.id

    def _pick(self, preferred: str | None = None, tried: Collection[str] = ()) -> _Key | None:
        """Take a key that has a free slot and does not rest; None if there is none."""
        now = self._clock()
        able = [each for each in self._keys.values() if each.has_room() and each.rests_until <= now]
        fresh = [each for each in able if each.settings.id not in tried] or able
        chosen = next((each for each in fresh if each.settings.id == preferred), None)
        if chosen is None and fresh:
            chosen = _next_in_turn(fresh)
        if chosen is not None:
            chosen.taken += 1
        return chosen

    def _waited_for(self, call: UpstreamCall, wait_s: float) -> _Key:
        until = self._clock() + wait_s
        call.begin_waiting()
        waiter = _Waiter()
        call.attach(waiter.woken.set)
        with self._lock:
            self._queue.append(waiter)
        self._hand_out()  # a key may have become free just before, unnoticed
        try:
            while waiter.key is None and not call.cancelled and self.has_awake():
                left_s = min(until, self._next_end()) - self._clock()
                if left_s <= 0 and self._clock() >= until:
                    break
                waiter.woken.wait(max(0.0, left_s))
                waiter.woken.clear()
                self._hand_out()  # a rest may have ended meanwhile
        finally:
            key = self._end_waiting(waiter, call)
        if key is None:
            self._refuse_if_all_rest()
            raise UpstreamUnavailable(
                f"The provider '{self._provider}' is busy with as many calls as its keys may have "
                "at once. Try again shortly.",
                retry_after_s=1,
            )
        return key

    def _end_waiting(self, waiter: _Waiter, call: UpstreamCall) -> _Key | None:
        with self._lock:
            if waiter in self._queue:
                self._queue.remove(waiter)
        if call.cancelled:
            if waiter.key is not None:
                self.release(waiter.key.settings.id)
            raise CallerGone("The caller hung up.")
        return waiter.key

    def _next_end(self) -> float:
        """Return when the next rest ends; infinity if no key rests."""
        now = self._clock()
        ends = (each.rests_until for each in self._keys.values())
        return min((end for end in ends if end > now), default=math.inf)

    def _hand_out(self) -> None:
        """Give keys that have become free to the calls that have waited longest."""
        with self._lock:
            while self._queue and (key := self._pick()) is not None:
                waiter = self._queue.popleft()
                waiter.key = key
                waiter.woken.set()

    def release(self, key_id: str) -> None:
        """Give a key back."""
        with self._lock:
            self._keys[key_id].taken -= 1
            self._hand_out()

    # Rests

    def rest(self, key_id: str, seconds: float, cause: Cause) -> None:
        """Have a key rest for `seconds` from now, unless it rests for longer already."""
        key, until = self._keys[key_id], self._clock() + seconds
        with self._lock:
            if until <= key.rests_until:
                return
            key.rests_until, key.cause = until, cause
            if not self.has_awake():
                for waiter in self._queue:
                    waiter.woken.set()
        self._on_rest(key_id, seconds, cause)

    def wake(self, key_id: str) -> None:
        """End the rest of a key whose credential was replaced."""
        key = self._keys[key_id]
        with self._lock:
            has_rested = key.rests_until > self._clock()
            key.rests_until = -math.inf
            self._hand_out()
        if has_rested:
            self._on_rest(key_id, 0.0, key.cause)

    def has_awake(self) -> bool:
        """Tell whether any key does not rest."""
        now = self._clock()
        return any(each.rests_until <= now for each in self._keys.values())

    def resting(self) -> dict[str, bool]:
        """Return for each key whether it rests."""
        now = self._clock()
        return {name: each.rests_until > now for name, each in self._keys.items()}

    def wait_s(self) -> int:
        """Return in how many whole seconds a key may be available, at least 1."""
        now = self._clock()
        soonest = min(each.rests_until for each in self._keys.values())
        return max(1, math.ceil(soonest - now)) if soonest > now else 1

    def _refuse_if_all_rest(self) -> None:
        if self.has_awake():
            return
        limited = all(each.cause == "rate_limited" for each in self._keys.values())
        kind: type[GatewayError] = UpstreamRateLimited if limited else UpstreamUnavailable
        why = "is rate limited" if limited else "is not called for the moment"
        raise kind(
            f"The provider '{self._provider}' {why}: all of its keys rest. Try again later.",
            retry_after_s=self.wait_s(),
        )

    # Shares

    def shares(self) -> dict[str, Callable[[], float]]:
        """Return functions that tell how much of a key's bound is taken, for each key with one."""

        def share_of(key: _Key, bound: int) -> Callable[[], float]:
            return lambda: key.taken / bound

        bounds = ((each, each.settings.max_concurrency) for each in self._keys.values())
        return {key.settings.id: share_of(key, bound) for key, bound in bounds if bound is not None}


def _next_in_turn(keys: Collection[_Key]) -> _Key:
    for each in keys:
        each.balance += each.settings.weight
    chosen = max(keys, key=lambda each: each.balance)
    chosen.balance -= sum(each.settings.weight for each in keys)
    return chosen
