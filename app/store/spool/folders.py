"""SPOOL_DIR: a folder for each store whose answers wait on this machine.

    SPOOL_DIR/store_<id>/resp_….turn    for the store of that id (store_identity.py), and no other
    SPOOL_DIR/resp_….turn               names no store: written by an earlier release

So gateways of several environments may share a SPOOL_DIR: none looks into another's folder. An
answer that names no store is this store's only while no other store has a folder here, which is
when nobody else can have written it; what else has to be true is in delivery.py. Where that
cannot be known it is left alone, until an operator moves the file into its store's folder.
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
#: How long it is believed, in seconds, that the directory can be written to, or cannot.
PROBED_S = 10.0
#: What is written to find out: as much as shows a disk that is full.
_PROBE = b"\0" * 4096


class SpoolFolders:
    """The folders of a SPOOL_DIR as one store's gateway sees them.

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
        """The store that this gateway has now; None while no process of it could ask."""
        return self._store_id

    @store_id.setter
    def store_id(self, store_id: str) -> None:
        if store_id != self._store_id:
            self._store_id = store_id
            self._own = Spool(self.directory / store_id)

    def own(self) -> Spool:
        """Return where this store's answers are put.

        While it is not known which store that is they are put where those of earlier releases
        are: a Redis that was full from the first has no id yet, and cannot be given one.
        """
        return self._own or self._unnamed

    def is_unnamed(self, spool: Spool) -> bool:
        """Tell whether a spool's answers name no store."""
        return spool is self._unnamed

    def readable(self) -> Iterator[Spool]:
        """Yield the spools whose answers are this store's, as far as the folders show."""
        if self._own is not None:
            yield self._own
        if not self._others():
            yield self._unnamed

    def foreign(self) -> dict[str, int]:
        """Return how many answers wait here for each other store, as far as this user may read."""
        found = {}
        for name in self._others():
            with suppress(PermissionError):  # it is another user's
                found[name] = len(Spool(self.directory / name).waiting())
        return found

    def unnamed(self) -> int:
        """Return how many answers wait here that name no store."""
        return len(self._unnamed.waiting())

    def claim(self) -> None:
        """Show others that this store has answers here, now or later, and tidy up among its own.

        It is for processes that serve, not for an operator's command, whose user may be another.
        """
        if self._own is not None and self._claimed is not self._own:
            self._claimed = self._own
            with suppress(OSError):  # `fault` returns it
                self._own.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._own.tidy()

    def begin(self) -> str | None:
        """Make the directory; return why no answer can be put here. For processes that serve."""
        with suppress(OSError):  # which is found out next
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.fault()

    def fault(self) -> str | None:
        """Return why no answer can be put here, None where one can. It is tried now and then.

        A directory that is not there is left so: this may be an operator's command.
        """
        if self._probed_at is None or self._now() - self._probed_at >= PROBED_S:
            self._fault = self._probed()
            self._probed_at = self._now()
        return self._fault

    def doubt(self) -> None:
        """Have it be tried anew whether an answer can be put here: one could not."""
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
        return None if os.access(there, os.W_OK) else os.strerror(errno.EACCES)

    def _try_to_write(self) -> None:
        folder = self.own().directory
        if not folder.exists():  # then it is made in the other
            folder = self.directory
        probe = folder / f".{os.getpid()}.probe"
        try:
            probe.write_bytes(_PROBE)
        finally:
            with suppress(OSError):
                probe.unlink()
