"""gunicorn's master, with stops and reloads that cut no answer (A8, P4).

gunicorn gives its workers the same time and the same signal for a stop and a reload, waits for
the old ones before it does anything else, counts them as if they served, and ends with all of
them where the configuration is broken. Here:

- On SIGHUP the settings are read and judged first. While they are broken everything goes on as
  it was, and says why. Else new workers start beside the old ones, which retire once the new
  ones serve; if those cannot start, the old ones stay.
- A worker that ends, for whatever reason, is replaced at once and not when its last answer ends.
- SIGUSR2 starts a successor by the very command that started this one.
"""

from __future__ import annotations

import math
import os
import queue
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import gunicorn.app.base
import gunicorn.http.wsgi
from gunicorn import systemd
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from app.cli.common.checked import overruling_variables, reloaded_settings
from app.logs.lines import line
from app.serving.http.response_writer import SERVER
from app.serving.master.options import refuse_foreign
from app.serving.master.reloads import ReloadMetrics
from app.serving.worker_state import Order
from app.settings import Settings, SettingsError, config_file
from app.settings.active import activate, active

_ORDERS = {signal.SIGTERM: Order.STOP, signal.SIGQUIT: Order.QUIT}
#: What ends everything without the grace.
_HURRYING = {signal.SIGINT, signal.SIGQUIT}
#: For how long a reload that comes waits for the one before it to serve, in seconds.
READY_S = 60.0
#: How long no worker is started after one that could not, in seconds.
_AGAIN_S = 1.0
#: A master that looks after its workers every second, and has not for so long, stood still itself;
#: and for so long its workers may then take to show that they live (seconds).
AWAY_S = 5.0


def install() -> None:
    """Have gunicorn use this master, and name no other server: it has no setting for either."""
    gunicorn.app.base.Arbiter = GatewayArbiter
    gunicorn.http.wsgi.SERVER = SERVER


class GatewayArbiter(Arbiter):  # type: ignore[misc] # gunicorn has no types
    """The master."""

    WORKERS: dict[int, Any]
    LISTENERS: list[Any]
    reexec_pid: int
    master_pid: int

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        # gunicorn takes sys.argv, where `-m gunicorn` has become the path of a file beside which
        # Python would then look for its own modules.
        self.START_CTX["args"] = [sys.executable, *sys.orig_argv[1:]]
        self._file: Path | None = config_file()
        self._outgoing: set[int] = set()  # who retires once their successors serve
        self._before: tuple[Settings | None, Any] = (active(), app.cfg)
        self._reloading = self._stopping = False
        self._again = False  # gateway.toml is to be read once more
        self._reloaded_at = 0.0
        self._start_after = 0.0
        self._looked_at, self._spared_until = math.inf, 0.0

    def setup(self, app: Any) -> None:
        """Take gunicorn's settings, unless nothing could be served with them."""
        refuse_foreign(app.cfg)
        super().setup(app)

    def start(self) -> None:
        """Listen, and say how the configuration is."""
        super().start()
        self._metrics = ReloadMetrics()
        self._metrics.set(successful=True)
        if self.master_pid:
            # systemd would else end the service with the predecessor.
            systemd.sd_notify(f"MAINPID={os.getpid()}", self.log)

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """End."""
        if self.master_pid and self.master_pid == os.getppid():
            systemd.sd_notify(f"MAINPID={self.master_pid}", self.log)
        super().halt(reason, exit_status)

    def stop(self, graceful: bool = True) -> None:
        """Have all workers end, and wait for them; a signal that hurries is theirs to obey.

        gunicorn would kill them two seconds after that, before what was said is put down.
        """
        self._stopping = True
        for number in _HURRYING:
            signal.signal(number, lambda *_: self.kill_workers(signal.SIGQUIT))
        super().stop(graceful and _HURRYING.isdisjoint(self._pending()))

    def murder_workers(self) -> None:
        """Kill workers that stand still, but none that did so together with this process.

        In a container that was paused, or on a machine that was moved, nobody has run: whoever is
        first to go on knows nothing of the others.
        """
        now = time.monotonic()
        if now - self._looked_at > AWAY_S:
            self._spared_until = now + AWAY_S
        self._looked_at = now
        if now >= self._spared_until:
            super().murder_workers()

    def _pending(self) -> list[int]:
        """Take the signals that have come and were not looked at yet."""
        came: list[int] = []
        with suppress(queue.Empty):
            while True:
                came.append(self.SIG_QUEUE.get_nowait())
        return came

    # Reload

    def reload(self) -> None:
        """Start workers on the new settings, if these can be used.

        While others start they are let to: on a busy machine that takes long, and where each reload
        replaced the one before it none would come to serve.
        """
        if self._is_under_way():
            self._again = True
            return
        before = (active(), self.app.cfg)
        try:
            settings = reloaded_settings(self._file)
            activate(settings)
            self._read_conf()
        except SettingsError as error:
            self._stay(before, error)
            return
        except SystemExit:
            self._stay(before, SettingsError("gunicorn.conf.py or its options cannot be used"))
            return
        self._file = config_file()
        self._supersede(before)
        self._start_after, self._reloaded_at = 0.0, time.monotonic()
        self._metrics.set(successful=True)
        self._log_line("info", "config_reloaded", file=self._file)
        if names := overruling_variables(settings):
            remedy = "restart the web process"
            self._log_line("warning", "environment_overrules_file", names=names, remedy=remedy)
        self.manage_workers()

    def _is_under_way(self) -> bool:
        """Tell whether workers start in the place of others, and may still come to serve."""
        is_fresh = time.monotonic() - self._reloaded_at < READY_S
        return is_fresh and bool(self._outgoing & self.WORKERS.keys())

    def _supersede(self, before: tuple[Settings | None, Any]) -> None:
        """Have who serves retire once there are others; who does not yet shall not begin to."""
        if not self._outgoing & self.WORKERS.keys():
            self._before, self._outgoing = before, set()
        workers = {pid: worker for pid, worker in self.WORKERS.items() if not worker.state.leaves}
        if not self._outgoing:
            serving = {pid for pid, worker in workers.items() if worker.state.serves}
            self._outgoing = serving or set(workers)
        for pid in workers.keys() - self._outgoing:
            self._retire(pid)

    def _read_conf(self) -> None:
        """Have gunicorn read its own settings, without its workers: they are not its to end."""
        workers, self.WORKERS, self._reloading = self.WORKERS, {}, True
        try:
            super().reload()
        finally:
            self.WORKERS, self._reloading = workers, False

    def _stay(self, before: tuple[Settings | None, Any], fault: SettingsError) -> None:
        """Go on as before."""
        settings, self.app.cfg = before
        if settings is not None:
            activate(settings)
        self._metrics.set(successful=False)
        self._log_line(
            "error", "config_reload_failed", file=fault.file, line=fault.line, reason=fault.reason
        )

    def _log_line(self, level: str, event: str, **fields: object) -> None:
        """Log a line of ours; gunicorn's own hide words, since callers' may be among them."""
        settings = active() or Settings()
        known = {name: value for name, value in fields.items() if value is not None}
        sys.stderr.write(line(settings.log_format, level, {"event": event, **known}) + "\n")
        sys.stderr.flush()

    # Workers

    def manage_workers(self) -> None:
        """Have as many workers as there shall be; those who leave are not counted."""
        if self._reloading:
            return
        workers = sorted(self.WORKERS.items(), key=lambda each: each[1].age)
        ours = [
            (pid, worker)
            for pid, worker in workers
            if pid not in self._outgoing and not worker.state.leaves
        ]
        if time.monotonic() >= self._start_after:
            for _ in range(self.num_workers - len(ours)):
                self.spawn_worker()
        for pid, _ in ours[: max(0, len(ours) - self.num_workers)]:
            self._retire(pid)
        if sum(worker.state.serves for _, worker in ours) >= self.num_workers:
            for pid in self._outgoing & self.WORKERS.keys():
                self._retire(pid)
            self._outgoing = set()
        if self._again and not self._is_under_way():
            self._again = False
            self.reload()

    def spawn_workers(self) -> None:
        """Start those that are missing."""
        self.manage_workers()

    def spawn_worker(self) -> Any:
        """Start one, but for gunicorn's own part in a reload."""
        return None if self._reloading else super().spawn_worker()

    def _retire(self, pid: int) -> None:
        self.WORKERS[pid].state.give(Order.RETIRE)
        super().kill_worker(pid, signal.SIGTERM)

    def kill_worker(self, pid: int, sig: int) -> None:
        """Give a worker its order, and wake it."""
        worker = self.WORKERS.get(pid)
        if worker is not None and sig in _ORDERS:
            worker.state.give(_ORDERS[signal.Signals(sig)])
        super().kill_worker(pid, sig)

    def reap_workers(self) -> None:
        """Take note of who has ended; one that cannot start ends nobody who serves."""
        try:
            super().reap_workers()
        except HaltServer as halt:
            if self._stopping:
                return
            if not any(worker.state.serves for worker in self.WORKERS.values()):
                raise
            self._go_on(halt.reason)

    def _go_on(self, reason: str) -> None:
        """Let those who serve go on, though another could not start."""
        self._start_after = time.monotonic() + _AGAIN_S
        if self._outgoing & self.WORKERS.keys():
            self._back_out(reason)
        else:
            self._log_line("error", "worker_not_started", reason=reason)

    def _back_out(self, reason: str) -> None:
        """Keep the old workers, since the new ones cannot start."""
        for pid, worker in list(self.WORKERS.items()):
            if pid not in self._outgoing and not worker.state.leaves:
                self._retire(pid)
        self._outgoing = set()
        self._stay(self._before, SettingsError(reason))
        self.setup(self.app)

    # Signals

    def wait_for_signals(self, timeout: float = 1.0) -> list[int]:
        """Return the signals that have come, those that hurry first, and one reload for all."""
        came: list[int] = super().wait_for_signals(timeout)
        came = [
            number
            for place, number in enumerate(came, 1)
            if number != signal.SIGHUP or number not in came[place:]
        ]
        return sorted(came, key=lambda number: number not in _HURRYING)

    def handle_winch(self) -> None:
        """Retire all workers, if a successor serves; a terminal sends this when it is resized."""
        if self.reexec_pid or self.cfg.daemon:
            self.num_workers = 0
            self.manage_workers()
        else:
            super().handle_winch()
