"""A process that runs background responses: begins, obeys, and ends with grace.

It is started by a master (app/cli/worker/master.py) and bound to it by a socket. What the master
says: `drain` (SIGTERM), `hurry` (a second one, SIGINT). The process says: `ready`, once jobs are
taken; `idle SECONDS` again and again, since a job was or could have been taken; `draining`, once
none is taken any more. The socket's end is the master's death. A signal that comes to the process
itself is obeyed too: stopping a group of processes signals all of them. These words stay what they
are: the master of an earlier release starts processes of a later one.
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

#: What jobs get once the master has gone, and what putting them down may take then, in seconds:
#: nothing is left of a worker ten seconds after its master was killed.
ORPHAN_S, ORPHAN_GIVING_BACK_S = 8.0, 1.0
#: How often the master hears that jobs can be taken, in seconds.
BEAT_S = 2.0

#: How long a thread of dramatiq's waits for a job before it looks whether it is to end, in ms.
#: MEASURED: at 1 s, two hundred threads took a tenth of what the jobs took that they waited for.
_IDLE_MS = 30_000
#: How long those that have nothing more to do are waited for in the end, in ms: they are daemons.
_THREADS_MS = 100
_SIGNALS = {signal.SIGTERM: "drain", signal.SIGINT: "hurry"}


class Channel:
    """One end of the socket between a master and a process: words, a line each.

    What cannot be said is left unsaid: the other end has gone.
    """

    def __init__(self, ours: socket.socket) -> None:
        self._socket = ours
        self._lines = ours.makefile("r", encoding="utf-8")
        self._saying = threading.Lock()

    def send(self, *words: str) -> None:
        """Say a line."""
        with suppress(OSError), self._saying:
            self._socket.sendall(" ".join(words).encode() + b"\n")

    def lines(self) -> Iterator[str]:
        """Yield what the other end says from now on, until it has gone."""
        with suppress(OSError):
            for line in self._lines:
                yield line.rstrip("\n")


class WorkerProcess:
    """Runs jobs until it is to end.

    `idle_s` tells since when no job could have been taken; each of `beside` goes on in a thread.
    `finish` is called once nothing runs any more. `work_queue` takes the place of dramatiq's.
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
        """Run jobs; return once it was to end and nothing runs any more.

        `ready` is what the master is to know. To be called by the main thread.
        """
        for number, order in _SIGNALS.items():
            signal.signal(number, lambda *_, order=order: self._orders.put(order))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a reload is the master's to see to
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
    """End the process then, whatever it still does."""
    timer = threading.Timer(seconds, os._exit, [1])
    timer.daemon = True
    timer.start()
