"""gunicorn's master, with stops and reloads that interrupt no response (A8, P4).

gunicorn gives its workers the same time and the same signal for a stop and a reload, waits for
the old ones before it does anything else, counts them as if they served, and ends with all of
them if the configuration is invalid. Here:

- On SIGHUP the settings are read and validated first. If they are invalid, everything stays as it
  was, and the reason is logged. Else new workers start beside the old ones, which retire once the
  new ones serve; if those cannot start, the old ones stay.
- A worker that ends, for whatever reason, is replaced at once, not after its last response.
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
#: Signals that end everything without the grace period.
_HURRYING = {signal.SIGINT, signal.SIGQUIT}
#: Seconds for which a reload waits for the workers of the one before it to serve.
READY_S = 60.0
#: Seconds without a new worker after one that could not start.
_AGAIN_S = 1.0
#: Seconds without a check of its workers (due each second) after which this master must have been
#: suspended itself; and the time that its workers then have to report that they are alive.
AWAY_S = 5.0


def install() -> None:
    """Make gunicorn use this master and our server name: it has no setting for either."""
    gunicorn.app.base.Arbiter = GatewayArbiter
    gunicorn.http.wsgi.SERVER = SERVER


class GatewayArbiter(Arbiter):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's master process, extended as the module's docstring says."""

    WORKERS: dict[int, Any]
    LISTENERS: list[Any]
    reexec_pid: int
    master_pid: int

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        # gunicorn uses sys.argv, in which `-m gunicorn` is the path of a file; restarted with that,
        # Python would search that file's folder for modules.
        self.START_CTX["args"] = [sys.executable, *sys.orig_argv[1:]]
        self._file: Path | None = config_file()
        self._outgoing: set[int] = set()  # they retire once their successors serve
        self._before: tuple[Settings | None, Any] = (active(), app.cfg)
        self._reloading = self._stopping = False
        self._again = False  # gateway.toml must be read again
        self._reloaded_at = 0.0
        self._start_after = 0.0
        self._looked_at, self._spared_until = math.inf, 0.0

    def setup(self, app: Any) -> None:
        """Apply gunicorn's settings, unless the gateway cannot run with them."""
        refuse_foreign(app.cfg)
        super().setup(app)

    def start(self) -> None:
        """Open the listeners, and set the metrics of the configuration."""
        super().start()
        self._metrics = ReloadMetrics()
        self._metrics.set(successful=True)
        if self.master_pid:
            # Else systemd would end the service together with the predecessor.
            systemd.sd_notify(f"MAINPID={os.getpid()}", self.log)

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """End the master."""
        if self.master_pid and self.master_pid == os.getppid():
            systemd.sd_notify(f"MAINPID={self.master_pid}", self.log)
        super().halt(reason, exit_status)

    def stop(self, graceful: bool = True) -> None:
        """Stop all workers and wait for them; a further urgent signal is passed on to them.

        gunicorn would kill them two seconds after it, before their responses are stored.
        """
        self._stopping = True
        for number in _HURRYING:
            signal.signal(number, lambda *_: self.kill_workers(signal.SIGQUIT))
        super().stop(graceful and _HURRYING.isdisjoint(self._pending()))

    def murder_workers(self) -> None:
        """Kill workers that hang, unless this process was suspended together with them.

        In a container that was paused, or a machine that was migrated, nothing ran: the process
        that resumes first knows nothing of the others.
        """
        now = time.monotonic()
        if now - self._looked_at > AWAY_S:
            self._spared_until = now + AWAY_S
        self._looked_at = now
        if now >= self._spared_until:
            super().murder_workers()

    def _pending(self) -> list[int]:
        """Remove and return the signals that have arrived and were not handled."""
        came: list[int] = []
        with suppress(queue.Empty):
            while True:
                came.append(self.SIG_QUEUE.get_nowait())
        return came

    # Reload

    def reload(self) -> None:
        """Start workers with the new settings, if these are valid.

        While an earlier reload's workers start, it is put off: on a busy machine that takes long,
        and if each reload replaced the one before it, none would ever serve.
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
        """Tell whether replacement workers are starting, and may still come to serve."""
        is_fresh = time.monotonic() - self._reloaded_at < READY_S
        return is_fresh and bool(self._outgoing & self.WORKERS.keys())

    def _supersede(self, before: tuple[Settings | None, Any]) -> None:
        """Retire serving workers once their successors serve, and those still starting at once."""
        if not self._outgoing & self.WORKERS.keys():
            self._before, self._outgoing = before, set()
        workers = {pid: worker for pid, worker in self.WORKERS.items() if not worker.state.leaves}
        if not self._outgoing:
            serving = {pid for pid, worker in workers.items() if worker.state.serves}
            self._outgoing = serving or set(workers)
        for pid in workers.keys() - self._outgoing:
            self._retire(pid)

    def _read_conf(self) -> None:
        """Let gunicorn reread its own settings without access to the workers: it would end them."""
        workers, self.WORKERS, self._reloading = self.WORKERS, {}, True
        try:
            super().reload()
        finally:
            self.WORKERS, self._reloading = workers, False

    def _stay(self, before: tuple[Settings | None, Any], fault: SettingsError) -> None:
        """Restore the settings from before, and log the fault."""
        settings, self.app.cfg = before
        if settings is not None:
            activate(settings)
        self._metrics.set(successful=False)
        self._log_line(
            "error", "config_reload_failed", file=fault.file, line=fault.line, reason=fault.reason
        )

    def _log_line(self, level: str, event: str, **fields: object) -> None:
        """Log a line of ours; gunicorn's lines are redacted, since they may quote callers."""
        settings = active() or Settings()
        known = {name: value for name, value in fields.items() if value is not None}
        sys.stderr.write(line(settings.log_format, level, {"event": event, **known}) + "\n")
        sys.stderr.flush()

    # Workers

    def manage_workers(self) -> None:
        """Start or retire workers to reach their number; those that are leaving do not count."""
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
        """Start the missing workers."""
        self.manage_workers()

    def spawn_worker(self) -> Any:
        """Start a worker, except while gunicorn rereads its settings."""
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
        """Reap workers that have ended; one that cannot start does not end those that serve."""
        try:
            super().reap_workers()
        except HaltServer as halt:
            if self._stopping:
                return
            if not any(worker.state.serves for worker in self.WORKERS.values()):
                raise
            self._go_on(halt.reason)

    def _go_on(self, reason: str) -> None:
        """Keep the serving workers, although another could not start."""
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
        """Return the pending signals, urgent ones first, repeated SIGHUPs as one."""
        came: list[int] = super().wait_for_signals(timeout)
        came = [
            number
            for place, number in enumerate(came, 1)
            if number != signal.SIGHUP or number not in came[place:]
        ]
        return sorted(came, key=lambda number: number not in _HURRYING)

    def handle_winch(self) -> None:
        """Retire all workers if a successor serves; terminals also send this when resized."""
        if self.reexec_pid or self.cfg.daemon:
            self.num_workers = 0
            self.manage_workers()
        else:
            super().handle_winch()
