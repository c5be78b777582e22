"""The worker process: one actor that runs jobs, and the threads that keep it going.

Threads are greenlets, here and in all of app/jobs, unless WORKER_CLASS says gthread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import dramatiq
from dramatiq.middleware import Middleware

from app.jobs.broker import ACTOR, WakeUpBroker
from app.jobs.consumer import QUEUE
from app.jobs.watchdog import Watchdog, Watched
from app.services.background.subscriptions import FeedHub
from app.services.background.supervisor import Supervisor

BEATS_PER_LEASE = 3
#: Seconds between heartbeats at most: /readyz takes a worker that is silent for 15 s for dead.
MAX_BEAT_S = 5.0


def declare(broker: WakeUpBroker, work: Callable[[], None]) -> None:
    """Have this process's threads run `work` for each wake-up."""
    dramatiq.actor(actor_name=ACTOR, queue_name=QUEUE, broker=broker)(work)


class WorkerLifecycle(Middleware):
    """Starts a worker's threads with its process, after the fork, and drains it at the end.

    A thread that dies or hangs, ours or dramatiq's, ends the process (watchdog.py).
    """

    def __init__(
        self,
        broker: WakeUpBroker,
        supervisor: Supervisor,
        hub: FeedHub,
        lease_s: float,
        watchdog: Watchdog | None = None,
    ) -> None:
        self._broker = broker
        self._supervisor = supervisor
        self._hub = hub
        self._beat_s = min(lease_s / BEATS_PER_LEASE, MAX_BEAT_S)
        self._watchdog = watchdog or Watchdog(self._give_up, threading.Event().wait)
        self._ending = threading.Event()
        broker.on_found = supervisor.resend_wake_ups

    def after_worker_boot(self, _broker: Any, worker: Any) -> None:
        """Start listening, beating, flushing and watching.

        If one of them cannot be started the process ends, as dramatiq would go on without it.
        """
        try:
            self._start(worker)
        except Exception:
            self._watchdog.end_process()
            raise

    def _start(self, worker: Any) -> None:
        supervisor = self._supervisor
        self._hub.listen()
        beating = _started(lambda: supervisor.keep_beating(self._beat_s), "heartbeat")
        flushing = _started(supervisor.keep_flushing, "flush")
        self._watchdog.watch(
            Watched("heartbeat", beating, lambda: supervisor.beats),
            Watched("flush", flushing, lambda: supervisor.flushes),
            *(_consumer(name, thread) for name, thread in worker.consumers.items()),
            *(Watched(f"worker {number}", each) for number, each in enumerate(worker.workers)),
        )
        _started(self._watch, "watchdog")

    def _watch(self) -> None:
        def lives() -> bool:
            self._hub.listen()  # starts the listener if it could not be started before
            return not self._ending.is_set()

        self._watchdog.keep_watch(lives)

    def _give_up(self) -> None:
        self._broker.stop()
        self._supervisor.drain()

    def before_worker_shutdown(self, _broker: Any, _worker: Any) -> None:
        """Give running jobs their grace, then put them back, while dramatiq waits for them."""
        self._ending.set()
        self._broker.stop()
        _started(self._supervisor.drain, "drain")


def _consumer(name: str, thread: Any) -> Watched:
    """Watch one of dramatiq's threads that take messages; its consumer may have been replaced."""
    return Watched(f"consumer {name}", thread, lambda: getattr(thread.consumer, "rounds", -1))


def _started(keep_going: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=keep_going, name=name, daemon=True)
    thread.start()
    return thread
