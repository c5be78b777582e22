"""Learns from the Sentinels which server is master; subscribes to them to notice fail-overs.

A planned fail-over leaves the old master writable for about ten seconds, and a master that was
stalled comes back believing that it is still one: what is written there is lost. So a small thread
subscribes to each Sentinel. From the moment a Sentinel is about to promote a replica until that
replica is master nobody gets a connection; then everybody gets a new one.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import Any

from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as TimedOut

from app.store.connection.reasons import NO_MASTER, NO_SENTINEL
from app.store.connection.round_trip import round_trip
from app.telemetry import log, unexpected

Address = tuple[str, int]

#: Silence of a Sentinel, in seconds, after which it is sent a PING and asked for the master.
QUIET_S = 2.0
#: Pause before resubscribing to a Sentinel that could not be reached, in seconds.
AGAIN_S = 1.0
#: Maximum time for which a fail-over delays writes if no Sentinel reports its end, in seconds.
FAILOVER_S = 10.0

#: Seconds after which an unfinished fail-over may delay writes again.
AGAIN_AFTER_S = 60.0

_BEGINS = "+failover-state-send-slaveof-noone"
_SWITCHED = "+switch-master"
_MONITORED = "+monitor"
_EVENTS = (
    _BEGINS,
    _SWITCHED,
    _MONITORED,
    "+promoted-slave",
    "+failover-end",
    "+failover-end-for-timeout",
    "-failover-abort-slave-timeout",
)


class MasterWatch:
    """Knows the master of one service. Safe for threads; connects when first asked.

    `generation` grows with every change: a connection of an earlier generation may lead to a former
    master. `patience_s` is how long a caller waits for the end of a fail-over. `changed` is called
    after each new generation.
    """

    def __init__(self, service: str, sentinels: Sequence[Any], patience_s: float) -> None:
        self.generation = 0
        self.changed: Callable[[], None] = lambda: None
        self._service = service
        self._sentinels = sentinels
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._master: Address | None = None
        self._epoch = -1
        self._listening: set[int] = set()  # numbers of the Sentinels subscribed to now
        self._over = threading.Event()
        self._over.set()
        self._begun_at = -AGAIN_AFTER_S
        self._pid: int | None = None

    def master(self) -> tuple[Address, int]:
        """Return the master's address, and the generation in which it is the master.

        Raises:
            ConnectionLost: no Sentinel knows.
            TimedOut: a fail-over takes longer than `patience_s`.
        """
        self._listen()
        self._await_failover()
        with self._lock:
            if self._listening and self._master is not None:
                return self._master, self.generation
        self._ask_any()
        self._await_failover()
        with self._lock:
            if self._master is None:
                raise ConnectionLost(NO_MASTER)
            return self._master, self.generation

    def _listen(self) -> None:
        """Start the listener threads, once in each process: threads do not survive a fork."""
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid == os.getpid():
                return
            self._pid = os.getpid()
            self._listening.clear()
        for number in range(len(self._sentinels)):
            threading.Thread(
                target=_listen_for_ever, args=(weakref.ref(self), number), daemon=True
            ).start()

    def _await_failover(self) -> None:
        left = self._begun_at + FAILOVER_S - monotonic()
        waits = min(left, self._patience_s)
        if waits > 0 and not self._over.wait(waits) and waits < left:
            raise TimedOut("a fail-over is under way")

    def _ask_any(self) -> None:
        """Ask the Sentinels in turn until one answers. Raises ConnectionLost."""
        fault: RedisError | None = None
        for sentinel in self._sentinels:
            try:
                self.ask(sentinel)
            except (ConnectionLost, TimedOut) as error:
                fault = error
                continue
            return
        raise ConnectionLost(f"{NO_SENTINEL}: {fault}") from fault

    def ask(self, sentinel: Any) -> None:
        """Ask a Sentinel for the master. Raises what redis-py raises."""
        state, named = round_trip(
            sentinel,
            [
                ("SENTINEL", "MASTER", self._service),
                ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service),
            ],
        )
        for refusal in (state, named):
            if isinstance(refusal, RedisError):
                raise ConnectionLost(f"a Sentinel refuses: {refusal}") from refusal
        if named is None:
            return  # the Sentinel does not know the service
        fields = dict(zip(state[::2], state[1::2], strict=False))
        master = _address(named[0].decode(), named[1].decode())
        promotes = b"failover_in_progress" in fields[b"flags"] and master == _address(
            fields[b"ip"].decode(), fields[b"port"].decode()
        )
        if promotes and monotonic() - self._begun_at > AGAIN_AFTER_S:
            self._begin()  # a process that just subscribed has missed the event
        self._learn(master, int(fields[b"config-epoch"]))

    def _learn(self, master: Address, epoch: int) -> None:
        """Accept the answer of the latest epoch: other Sentinels may have been cut off before."""
        with self._lock:
            if epoch < self._epoch:
                return
            before, self._master, self._epoch = self._master, master, epoch
            moved = before not in (None, master)
            self.generation += moved
        if moved:
            log.warning("redis_master_changed", master=":".join(map(str, master)))
            self._end()
            self.changed()

    def _begin(self) -> None:
        """Record that a replica is about to be promoted."""
        with self._lock:
            self.generation += 1
            self._begun_at = monotonic()
            self._over.clear()
        self.changed()

    def _end(self) -> None:
        self._over.set()

    def subscribed(self, number: int, sentinel: Any) -> None:
        """Record that a Sentinel is subscribed to."""
        self.ask(sentinel)
        with self._lock:
            self._listening.add(number)

    def lost(self, number: int) -> bool:
        """Record that the subscription to a Sentinel is lost; tell whether there was one."""
        with self._lock:
            was_listening = number in self._listening
            self._listening.discard(number)
            if not self._listening:
                self._epoch = -1  # Sentinels that come back may restart their epochs
        return was_listening

    def receive(self, sentinel: Any, event: str, words: Sequence[str]) -> None:
        """Handle an event; `words` are the words after its name."""
        if self._service not in words:
            return
        if event == _BEGINS:
            self._begin()
            return
        if event == _SWITCHED and _address(words[1], words[2]) == self._master:
            self._learn(_address(words[3], words[4]), self._epoch)
        if event == _MONITORED:
            self._epoch = -1  # reset by an operator: the epochs restart
        self.ask(sentinel)
        if event.startswith("-"):
            self._end()

    def sentinel(self, number: int) -> Any:
        """Return the redis-py client of a Sentinel."""
        return self._sentinels[number]


def _listen_for_ever(watched: weakref.ref[MasterWatch], number: int) -> None:
    """Listen to a Sentinel, reconnecting after any error, for as long as the watch is in use."""
    pid, at_once_at = os.getpid(), -AGAIN_S
    while os.getpid() == pid:
        try:
            _listen(watched, number)
        except (RedisError, OSError):
            pass  # it is unreachable: others remain, and it is retried
        except Exception as bug:  # noqa: BLE001 - without a listener a fail-over would lose writes
            unexpected(bug, "sentinel", "sentinel")
        watch = watched()
        if watch is None:
            return
        was_listening = watch.lost(number)
        del watch
        # Fail-overs go unnoticed meanwhile, and a Sentinel that closed a connection is mostly up:
        # reconnect at once, or after a pause if it closes that connection as soon.
        if was_listening and monotonic() - at_once_at >= AGAIN_S:
            at_once_at = monotonic()
        else:
            sleep(AGAIN_S)


def _listen(watched: weakref.ref[MasterWatch], number: int) -> None:
    watch = watched()
    if watch is None:
        return
    sentinel = watch.sentinel(number)
    with sentinel.pubsub() as ear:
        ear.subscribe(*_EVENTS)
        for _ in _EVENTS:
            if ear.get_message(timeout=QUIET_S) is None:
                raise TimedOut("a Sentinel does not answer")
        watch.subscribed(number, sentinel)
        del watch
        pinged = False
        while (message := _next(ear, pinged)) is not None:
            watch = watched()
            if watch is None:
                return
            pinged = message == {}
            if pinged:
                watch.ask(sentinel)
            elif message["type"] == "message":
                watch.receive(
                    sentinel, message["channel"].decode(), message["data"].decode().split()
                )
            del watch


def _next(ear: Any, pinged: bool) -> dict[str, Any]:
    """Return a Sentinel's next message; if it is silent, send a PING and return {}.

    Raises:
        TimedOut: it did not answer the PING before.
    """
    message: dict[str, Any] | None = ear.get_message(timeout=QUIET_S)
    if message is not None:
        return message
    if pinged:
        raise TimedOut("a Sentinel does not answer")
    ear.ping()
    return {}


def _address(host: str, port: str) -> Address:
    return host, int(port)
