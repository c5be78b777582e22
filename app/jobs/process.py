"""A process that runs background responses: it starts, obeys its master and ends gracefully.

A master starts it (app/cli/worker/master.py) and is connected to it by a socket. The master sends
`drain` (SIGTERM) and `hurry` (a second one, SIGINT). The process sends `ready`, once it takes jobs;
`idle SECONDS`, again and again, since it last took a job or could have; `draining`, once it takes
no more. The socket's end means the master's death. Signals to the process itself are obeyed too:
stopping a group of processes signals all of them. These words never change: the master of an
earlier release starts processes of a later one.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import dramatiq

from app.jobs.broker import WakeUpBroker, serve
from app.services.background.draining import Drain
from app.settings import BackgroundSettings
from app.telemetry import log

#: Seconds that jobs get once the master is dead, and that putting them back may take then: nothing
#: is left of a worker ten seconds after its master was killed.
ORPHAN_S, ORPHAN_GIVING_BACK_S = 8.0, 1.0
#: Seconds between two reports to the master that jobs can be taken.
BEAT_S = 2.0

#: Milliseconds that a dramatiq thread waits for a job before it checks whether it has to end.
#: MEASURED: at 1 s, two hundred waiting threads took a tenth of what their jobs took.
_IDLE_MS = 30_000
#: Milliseconds that threads with nothing more to do are waited for at the end: they are daemons.
_THREADS_MS = 100
_SIGNALS = {signal.SIGTERM: "drain", signal.SIGINT: "hurry"}


class Channel:
    """One end of the socket between a master and a process; a message is a line of words.

    A message that cannot be sent is dropped: the other end is gone.
    """

    def __init__(self, ours: socket.socket) -> None:
        self._socket = ours
        self._lines = ours.makefile("r", encoding="utf-8")
        self._saying = threading.Lock()

    def send(self, *words: str) -> None:
        """Send a line."""
        with suppress(OSError), self._saying:
            self._socket.sendall(" ".join(words).encode() + b"\n")

    def lines(self) -> Iterator[str]:
        """Yield the lines that the other end sends from now on, until it is gone."""
        with suppress(OSError):
            for line in self._lines:
                yield line.rstrip("\n")


class WorkerProcess:
    """Runs jobs until it has to end.

    `idle_s` returns the seconds since a job was or could have been taken; each of `beside` runs in
    a thread. `finish` is called once nothing runs any more. `work_queue` replaces dramatiq's.
    """

    def __init__(
        self,
        broker: WakeUpBroker,
        drain: Drain,
        settings: BackgroundSettings,
        idle_s: Callable[[], float],
        channel: Channel,
        beside: Sequence[Callable[[], None]] = (),
        finish: Callable[[], None] = lambda: None,
        work_queue: queue.PriorityQueue[Any] | None = None,
    ) -> None:
        self._broker = broker
        self._drain = drain
        self._channel = channel
        self._beside = beside
        self._finish = finish
        self._idle_s = idle_s
        self._work_queue = work_queue
        self._threads = settings.concurrency
        self._over = self._orphaned = False
        self._orders: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._within_s: Mapping[str, float] = {
            "drain": settings.drain_s,
            "hurry": settings.grace_s,
            "orphaned": ORPHAN_S,
        }

    def run(self, *ready: str) -> None:
        """Run jobs; return when it has to end and nothing runs any more.

        `ready` are words for the master. Must be called by the main thread.
        """
        for number, order in _SIGNALS.items():
            signal.signal(number, lambda *_, order=order: self._orders.put(order))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # reloads are the master's task
        serve(self._broker)
        self._broker.emit_after("process_boot")
        worker = dramatiq.Worker(
            self._broker, worker_threads=self._threads, worker_timeout=_IDLE_MS
        )
        if self._work_queue is not None:
            worker.work_queue = self._work_queue
        worker.start()
        for each in (self._obey, self._listen, self._beat, *self._beside):
            threading.Thread(target=each, daemon=True).start()
        self._channel.send("ready", *ready)
        log.info("worker_ready", pid=os.getpid())
        self._drain.begun.wait()
        self._broker.stop()
        self._channel.send("draining")
        log.info("worker_draining", pid=os.getpid())
        self._drain.run()
        if not self._orphaned:  # nobody would wait
            self._finish()
            worker.stop(timeout=_THREADS_MS)
        self._over = True
        log.info("worker_ended", pid=os.getpid())

    def _listen(self) -> None:
        for line in self._channel.lines():
            self._orders.put(line)
        self._orders.put("orphaned")

    def _obey(self) -> None:
        while (order := self._orders.get()) and not self._over:
            if order in self._within_s:
                self._broker.stop()
                self._drain.begin(self._within_s[order])
            if order == "orphaned":
                self._orphaned = True
                _end_after(ORPHAN_S + ORPHAN_GIVING_BACK_S)

    def _beat(self) -> None:
        pause = threading.Event()
        while not self._drain.begun.is_set():
            self._channel.send("idle", f"{self._idle_s():.1f}")
            pause.wait(BEAT_S)


def _end_after(seconds: float) -> None:
    """End the process after `seconds`, whatever it is doing then."""
    timer = threading.Timer(seconds, os._exit, [1])
    timer.daemon = True
    timer.start()
