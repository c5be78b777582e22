"""One credential that is read again while the process runs, from a file or a command (N7).

A file is read when it has changed, a command is run every `refresh_s`, and both when the server has
refused the key with a 401, a command then at most once in AGAIN_S. If it cannot be read, the key
stays as it was: that is counted, and logged without any of the content read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.providers.keys.credentials import COMMAND_S, CredentialUnreadable, read_credential
from app.settings import KeySource
from app.telemetry import key_read, log, unexpected

#: Seconds in which a command that was run because of a 401 is not run because of another.
AGAIN_S = 30.0

#: Seconds that a caller waits for a command, and for a file, to provide the key.
WAIT_S, FILE_S = COMMAND_S + 0.5, 1.0

_Stamp = tuple[int, int, int]


def spawn(task: Callable[[], None]) -> None:
    """Run a task in a background thread."""
    threading.Thread(target=task, name="credential", daemon=True).start()


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewable:
    """A credential as configured: `key` is its id in a pool, None without a pool.

    `api_key` was read at `read_at`, a time of time.monotonic; None if it was not read yet. `use`
    has the provider use another one.
    """

    provider: str
    key: str | None
    source: KeySource
    refresh_s: float
    api_key: str | None
    read_at: float | None
    use: Callable[[str], None]


class Credential:
    """Keeps one credential up to date. `clock` is like time.monotonic, `spawn` starts a task.

    `version` counts its changes; `changed` is called after each.
    """

    def __init__(
        self,
        renewable: Renewable,
        clock: Callable[[], float],
        *,
        read: Callable[[KeySource], str] = read_credential,
        spawn: Callable[[Callable[[], None]], None] = spawn,
    ) -> None:
        self.version = 0
        self.changed: Callable[[], None] = lambda: None
        self._renewable = renewable
        self._clock = clock
        self._read = read
        self._spawn = spawn
        self._current = renewable.api_key
        names = {"provider": renewable.provider, "upstream_key": renewable.key}
        self._names = {name: value for name, value in names.items() if value is not None}
        self._stamp: _Stamp | None = None
        self._due_at = -float("inf")
        if renewable.read_at is not None:
            self._due_at = renewable.read_at + renewable.refresh_s
        self._renewed_at = -float("inf")
        self._is_failing = False
        self._lock = threading.Lock()
        self._reading: threading.Event | None = None  # set when the reading under way is over

    @property
    def is_known(self) -> bool:
        """Whether the credential has been read."""
        return self._current is not None

    def look(self) -> None:
        """Read it again in the background, if that is due."""
        if self._renewable.source.command:
            if self._clock() >= self._due_at:
                self._start()
        elif self._has_changed():
            self._start()

    def renew(self, version: int, wait_s: float) -> bool:
        """Read it again, since its server refused `version`; return whether it has changed.

        Waits for that at most `wait_s`; with 0, a command goes on in the background.
        """
        if self.version != version:
            return True
        is_command = bool(self._renewable.source.command)
        may_start = self._may_run() if is_command else self._has_changed()
        reading = self._start() if may_start else self._reading
        if reading is not None and (wait_s > 0 or not is_command):
            reading.wait(wait_s or FILE_S)
        return self.version != version

    def _may_run(self) -> bool:
        """Tell whether a 401 may start the command now."""
        now = self._clock()
        if self.is_known and now - self._renewed_at < AGAIN_S:
            return False
        self._renewed_at = now
        return True

    def _has_changed(self) -> bool:
        """Tell whether the file has changed since the last look; True for the first look."""
        stamp, file = None, self._renewable.source.file
        with suppress(OSError):
            found = (file or Path()).stat()
            stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        before, self._stamp = self._stamp, stamp
        return stamp != before or (stamp is None and not self._is_failing)

    def _start(self) -> threading.Event:
        """Start a read in the background, unless one runs; return the event that its end sets."""
        with self._lock:
            if self._reading is not None:
                return self._reading
            reading = self._reading = threading.Event()
        self._due_at = self._clock() + self._renewable.refresh_s
        try:
            self._spawn(partial(self._read_again, reading))
        except RuntimeError:  # no thread can be started now
            self._end(reading)
        return reading

    def _read_again(self, reading: threading.Event) -> None:
        try:
            self._take(self._read(self._renewable.source))
        except CredentialUnreadable as fault:
            self._failed(fault.reason)
        except Exception as bug:  # noqa: BLE001 - the next reading may do better
            unexpected(bug, "credential", "credential")
            self._failed("unexpected error")
        finally:
            self._end(reading)

    def _end(self, reading: threading.Event) -> None:
        self._reading = None
        reading.set()

    def _take(self, api_key: str) -> None:
        self._is_failing = False
        ours = self._renewable
        if api_key == self._current:
            key_read(ours.provider, ours.key, "unchanged")
            return
        ours.use(api_key)
        self._current = api_key
        self.version += 1
        key_read(ours.provider, ours.key, "changed")
        log.info("upstream_key_changed", **self._names)
        self.changed()

    def _failed(self, reason: str) -> None:
        ours = self._renewable
        key_read(ours.provider, ours.key, "failed")
        # A file is looked at every second, and may be missing for long.
        if not self._is_failing or ours.source.command:
            log.error("upstream_key_unreadable", **self._names, reason=reason)
        self._is_failing = True
        self._due_at = min(self._due_at, self._clock() + AGAIN_S)
