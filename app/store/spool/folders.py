"""SPOOL_DIR: one folder for each store that has answers waiting on this machine.

    SPOOL_DIR/store_<id>/resp_….turn    for the store of that id (store_identity.py), and no other
    SPOOL_DIR/resp_….turn               names no store: written by an earlier release

So gateways of several environments may share a SPOOL_DIR: none looks into another's folder. An
answer that names no store is taken for this store's only while no other store has a folder here,
since then nobody else can have written it; delivery.py has further conditions. Otherwise it is left
alone until an operator moves the file into its store's folder.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from app.store.spool.files import Spool

_PREFIX = "store_"
#: Seconds for which the result of a write test of the directory is trusted.
PROBED_S = 10.0
#: What the test writes: enough to fail on a full disk.
_PROBE = b"\0" * 4096


class SpoolFolders:
    """The folders of a SPOOL_DIR, seen by the gateway of one store.

    `store_id` is set once it is known. `now` returns seconds of a clock that never goes back.
    """

    def __init__(self, directory: Path, now: Callable[[], float] = time.monotonic) -> None:
        self.directory = directory
        self._now = now
        self._unnamed = Spool(directory)
        self._own: Spool | None = None
        self._claimed: Spool | None = None
        self._store_id: str | None = None
        self._probed_at: float | None = None
        self._fault: str | None = None

    @property
    def store_id(self) -> str | None:
        """The id of this gateway's store; None until it could be read."""
        return self._store_id

    @store_id.setter
    def store_id(self, store_id: str) -> None:
        if store_id != self._store_id:
            self._store_id = store_id
            self._own = Spool(self.directory / store_id)

    def own(self) -> Spool:
        """Return the spool into which this store's answers are put.

        While the store's id is unknown, that is the one of earlier releases: a Redis that was full
        from the first has no id yet, and cannot be given one.
        """
        return self._own or self._unnamed

    def is_unnamed(self, spool: Spool) -> bool:
        """Tell whether a spool is the one whose answers name no store."""
        return spool is self._unnamed

    def readable(self) -> Iterator[Spool]:
        """Yield the spools whose answers are this store's, judging by the folders."""
        if self._own is not None:
            yield self._own
        if not self._others():
            yield self._unnamed

    def foreign(self) -> dict[str, int]:
        """Return how many answers wait here for each other store, as far as this user may read."""
        found = {}
        for name in self._others():
            with suppress(PermissionError):  # it belongs to another user
                found[name] = len(Spool(self.directory / name).waiting())
        return found

    def unnamed(self) -> int:
        """Return the number of answers waiting here that name no store."""
        return len(self._unnamed.waiting())

    def claim(self) -> None:
        """Create this store's folder, so that others see that it has one, and tidy it up.

        For processes that serve, not for an operator's command, whose user may differ.
        """
        if self._own is not None and self._claimed is not self._own:
            self._claimed = self._own
            with suppress(OSError):  # `fault` returns it
                self._own.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._own.tidy()

    def begin(self) -> str | None:
        """Create the directory; return why no answer can be put here. For processes that serve."""
        with suppress(OSError):  # `fault` finds out
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.fault()

    def fault(self) -> str | None:
        """Return why no answer can be put here, None if one can. The test is repeated now and then.

        A missing directory is not created: this may be an operator's command.
        """
        if self._probed_at is None or self._now() - self._probed_at >= PROBED_S:
            self._fault = self._probed()
            self._probed_at = self._now()
        return self._fault

    def doubt(self) -> None:
        """Repeat the write test at the next call: a write has just failed."""
        self._probed_at = None

    def _others(self) -> list[str]:
        with suppress(FileNotFoundError, NotADirectoryError):
            named = [each for each in self.directory.iterdir() if each.name.startswith(_PREFIX)]
            return sorted(
                each.name for each in named if each.name != self._store_id and each.is_dir()
            )
        return []

    def _probed(self) -> str | None:
        try:
            if self.directory.exists():
                self._try_to_write()
                return None
            there = next(each for each in self.directory.absolute().parents if each.exists())
        except OSError as error:
            return error.strerror or type(error).__name__
        if not there.is_dir():
            return os.strerror(errno.ENOTDIR)
        if os.access(there, os.W_OK):
            return None
        is_read_only = os.statvfs(there).f_flag & os.ST_RDONLY
        return os.strerror(errno.EROFS if is_read_only else errno.EACCES)

    def _try_to_write(self) -> None:
        folder = self.own().directory
        if not folder.exists():  # its parent, where it will be created
            folder = self.directory
        probe = folder / f".{os.getpid()}.probe"
        try:
            probe.write_bytes(_PROBE)
        finally:
            with suppress(OSError):
                probe.unlink()
