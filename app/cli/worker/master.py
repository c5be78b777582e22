"""The worker's master: keeps one process running background responses, at all times (A8b).

    SIGTERM         no new jobs are taken, jobs with output get [background] drain_s
    once more, or   they get grace_s
    SIGINT
    SIGHUP          a new process reads gateway.toml; once it takes jobs, the old one drains.
                    If it cannot start, the old one goes on

A process that dies is replaced, after longer and longer pauses if that does not help. If the master
is killed, its processes end by themselves (app/jobs/process.py). New processes run the code that is
installed when they start, under the master's environment.
"""

from __future__ import annotations

import selectors
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic, time
from types import FrameType

from app.cli.worker.child import ChildProcess, read_fault
from app.cli.worker.listener import Report
from app.settings.values import WORKER_SILENCE_S
from app.telemetry import log

#: How many seconds a process may take to get ready.
READY_S = 60.0
#: How many seconds later than it should a process may end before it is killed.
SPARE_S = 10.0
#: A process that lived for less has failed: the next waits longer each time, up to a bound (s).
SHORT_LIFE_S, LONGEST_PAUSE_S = 10.0, 30.0
#: Seconds before another process is started at the earliest: a master that is stopped together with
#: its process has received the signal by then.
AT_ONCE_S = 0.2
#: Seconds without a line after which a process counts as stuck: it should beat every 2 s.
SILENCE_S = 60.0
#: Seconds after which the master looks after its processes even if nothing has happened.
LOOK_S = 5.0
#: Seconds without a look after which the master must have been suspended itself.
AWAY_S = 3 * LOOK_S


@dataclass(slots=True)
class Reloads:
    """Whether gateway.toml could be used when it was read last, and when it last could (Unix s)."""

    successful: bool = True
    at: float = field(default_factory=time)


class Master:
    """Keeps one process at work.

    `start` starts one on a socket, `gone` gets the pid of an ended one. `clock`: time.monotonic.
    """

    def __init__(
        self,
        start: Callable[[socket.socket], subprocess.Popen[bytes]],
        clock: Callable[[], float] = monotonic,
        gone: Callable[[int], None] = lambda _pid: None,
    ) -> None:
        self.reloads = Reloads()
        self._start = start
        self._clock = clock
        self._gone = gone
        self._signals: deque[int] = deque()
        self._selector = selectors.DefaultSelector()
        self._all: list[ChildProcess] = []
        self._kept = ""  # the settings of the last process that was ready
        self._stop = ""  # the order to end, once it is given: `drain` or `hurry`
        self._start_at: float | None = None  # when a process is started in place of a dead one
        self._pause_s = 0.0
        self._again = False  # whether gateway.toml is to be read once more
        self._looked_at = float("inf")

    def health(self) -> Report:
        """Return whether a job would be taken; safe in any thread."""
        if self._stop:
            return Report(False, "the worker is being stopped")
        takes = [each.able_at for each in list(self._all) if not each.drains]
        idle_s = self._clock() - max(takes, default=float("-inf"))
        if idle_s < WORKER_SILENCE_S:
            return Report(True, "")
        since = f"for {idle_s:.0f} s" if idle_s < float("inf") else "yet"
        return Report(False, f"no job has been taken, or could have been, {since}")

    def figures(self) -> dict[str, float]:
        """Return how gateway.toml was read last, for the metrics; safe in any thread."""
        return {
            "gateway_config_last_reload_successful": float(self.reloads.successful),
            "gateway_config_last_reload_timestamp_seconds": self.reloads.at,
        }

    def run(self) -> int:
        """Run until told to end; return the exit status. Must be called by the main thread."""
        woken, wakes = socket.socketpair()
        with woken, wakes:
            for end in (woken, wakes):
                end.setblocking(False)
            signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
                signal.signal(number, self._note)
            self._selector.register(woken, selectors.EVENT_READ)
            self._fresh("fresh")
            while self._all or (self._start_at is not None and not self._stop):
                self._once(woken)
            signal.set_wakeup_fd(-1)
        return 0 if self._stop else 1

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._signals.append(number)

    def _once(self, woken: socket.socket) -> None:
        """Wait for the next event, and handle it."""
        events = self._selector.select(self._timeout_s())
        self._look()
        for key, _ in events:
            if key.data is None:
                with suppress(OSError):
                    woken.recv(4096)
            elif key.data in self._all:
                self._read_lines(key.data)
        while self._signals:
            self._obey(self._signals.popleft())
        for each in list(self._all):
            if each.program.poll() is not None:
                self._bury(each)
            elif self._clock() > each.kill_at or self._is_silent(each):
                log.error("worker_killed", pid=each.program.pid)
                each.kill()
        if self._start_at is not None and self._clock() >= self._start_at and not self._stop:
            self._fresh("kept")

    def _look(self) -> None:
        """Record the time; if this process was suspended, extend the deadlines of the others.

        They were suspended as well: in a container that was paused, or on a machine that was moved.
        """
        now = self._clock()
        away_s, self._looked_at = now - self._looked_at, now
        if away_s > AWAY_S:
            for each in self._all:
                each.last_line_at += away_s
                each.kill_at += away_s

    def _is_silent(self, process: ChildProcess) -> bool:
        """Tell whether a process that takes jobs has sent no line for too long."""
        return not process.drains and self._clock() - process.last_line_at > SILENCE_S

    def _timeout_s(self) -> float:
        times = [each.kill_at for each in self._all]
        if self._start_at is not None:
            times.append(self._start_at)
        return min(LOOK_S, max(0.01, min(times, default=0.0) - self._clock()))

    # Signals

    def _obey(self, number: int) -> None:
        if number == signal.SIGHUP and not self._stop:
            self._reload()
        elif number in (signal.SIGTERM, signal.SIGINT):
            hurried = bool(self._stop) or number == signal.SIGINT
            self._stop = "hurry" if hurried else "drain"
            log.info("worker_stopping", hurried=hurried)
            for each in self._all:
                self._drain(each, self._stop)

    def _reload(self) -> None:
        """Start a process that reads gateway.toml anew; if one is starting, another after it."""
        self._again = any(each.reloads and not (each.ready or each.drains) for each in self._all)
        if not self._again:
            log.info("worker_reloading")
            self._fresh("again", reloads=True)

    def _reloaded(self, *, successful: bool) -> None:
        self.reloads = Reloads() if successful else Reloads(False, self.reloads.at)
        if self._again and not self._stop:
            self._reload()

    def _drain(self, process: ChildProcess, order: str) -> None:
        """Have a process end; one that is not ready is told again once it is."""
        process.send(order)
        process.drains = True
        if process.ready:
            drain_s, grace_s = process.times_s
            self._limit(process, drain_s if order == "drain" else grace_s)

    def _limit(self, process: ChildProcess, within_s: float) -> None:
        process.kill_at = min(process.kill_at, self._clock() + within_s + SPARE_S)

    # Processes

    def _fresh(self, word: str, *, reloads: bool = False) -> None:
        """Start a process; `word` is `fresh`, `again` or `kept` (startup.py)."""
        self._start_at = None
        try:
            program, ours = self._started()
        except OSError as error:  # the machine has no process or descriptor left
            log.error("worker_not_started", reason=error.strerror)
            if reloads:
                self._reloaded(successful=False)
            if all(each.drains for each in self._all):
                self._start_later()
            return
        now = self._clock()
        process = ChildProcess(program, ours, now, now + READY_S, reloads)
        process.send(f"{word} {self._kept}" if self._kept else "fresh")
        ours.setblocking(False)
        self._selector.register(ours, selectors.EVENT_READ, process)
        self._all.append(process)
        log.info("worker_started", pid=program.pid)

    def _started(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                return self._start(theirs), ours
            except OSError:
                ours.close()
                raise

    def _read_lines(self, process: ChildProcess) -> None:
        lines = list(process.lines())
        if process.has_hung_up:  # else there would be something to read for ever
            with suppress(KeyError):
                self._selector.unregister(process.channel)
        for word, *more in lines:
            process.last_line_at = self._clock()
            if word == "ready":
                self._use(process, more)
            elif word == "idle":
                process.able_at = self._clock() - float(more[0])
            elif word == "fault":
                process.fault = read_fault(" ".join(more))
            elif word == "refused":
                process.refusal = " ".join(more)
            elif word == "draining" and not process.drains:
                self._limit(process, process.times_s[0])
                self._replace(process)

    def _use(self, process: ChildProcess, words: list[str]) -> None:
        """Have a process that is ready replace those before it."""
        process.ready, process.able_at = True, self._clock()
        process.kill_at = float("inf")
        process.times_s = (float(words[0]), float(words[1]))
        self._kept = words[2]
        if self._stop or process.drains:
            self._drain(process, self._stop or "drain")
            return
        for each in self._all[: self._all.index(process)]:
            if not each.drains:
                self._drain(each, "drain")
        if process.reloads:
            log.info("config_reloaded", pid=process.program.pid)
            self._reloaded(successful=True)

    def _replace(self, process: ChildProcess) -> None:
        """Start another process in place of one that ends by itself."""
        process.drains = True
        if self._stop or not all(each.drains for each in self._all):
            return
        self._start_later(at_once=self._clock() - process.started_at > SHORT_LIFE_S)

    def _start_later(self, *, at_once: bool = False) -> None:
        self._pause_s = AT_ONCE_S if at_once else min(2 * self._pause_s or 1.0, LONGEST_PAUSE_S)
        self._start_at = self._clock() + self._pause_s

    def _bury(self, process: ChildProcess) -> None:
        """Clean up after a process that has ended."""
        self._read_lines(process)
        self._all.remove(process)
        with suppress(KeyError):
            self._selector.unregister(process.channel)
        process.channel.close()
        self._gone(process.program.pid)
        status = process.program.returncode
        log.info("worker_gone", pid=process.program.pid, status=status)
        if self._stop or process.drains:
            return
        if process.reloads and not process.ready:
            self._refuse(process)
        elif process.ready or self._kept:
            log.error("worker_died", pid=process.program.pid, status=status)
            self._replace(process)
        else:
            log.error("worker_cannot_start", reason=process.refusal or f"exit status {status}")

    def _refuse(self, process: ChildProcess) -> None:
        """Go on as before: the new settings cannot be used."""
        log.error("config_reload_failed", **process.why())
        self._replace(process)
        self._reloaded(successful=False)
