"""The files in which processes keep their metrics for /metrics, while they live and after.

prometheus_client writes them, `counter_PID.db` and `histogram_PID.db` among others, in the folder
PROMETHEUS_MULTIPROC_DIR. It keeps those of ended processes for ever, since counters must not fall:
each reload would leave more to be read at each scrape. Here they are added up in one file of each
kind. gunicorn's master imports this before its workers patch the standard library.
"""

from __future__ import annotations

import fcntl
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

#: The file that a process holds locked while it reads the others.
_LOCK = "scrape.lock"
_KINDS = ("counter", "histogram")
#: In place of a pid in names of files: of a process that has ended, and of all of them together.
_ENDED, _TOGETHER = "ended-", "together"
#: Ends the names of files that the draft of new sums has: they count if that is never finished.
_ADDED = ".added"


def folder(name: str | None = None) -> Path | None:
    """Return the folder of this name, by default that of the environment; None if there is none."""
    try:
        collector = MultiProcessCollector(None, name)  # type: ignore[no-untyped-call]  # has no types
    except ValueError:
        return None
    return Path(collector._path)


def process_ended(pid: int, name: str | None = None) -> None:
    """Take an ended process's gauges out of the sums, and keep its counts for the next scrape.

    Only files are renamed: a supervisor calls this, and must not be kept busy. The new name has no
    pid, which another process may get.
    """
    place = folder(name)
    if place is None:
        return
    mark_process_dead(pid, str(place))  # type: ignore[no-untyped-call]
    for kind in _KINDS:
        with suppress(OSError):  # it has counted nothing of this kind
            (place / f"{kind}_{pid}.db").rename(place / f"{kind}_{_ENDED}{token_hex(8)}.db")


@contextmanager
def collected(
    place: Path, on_lost: Callable[[str, Exception], None]
) -> Iterator[CollectorRegistry]:
    """Yield a registry of the metrics of all processes, for the duration of the block.

    Other processes that collect them wait for its end. On a file system without locks no files are
    joined. `on_lost` gets the name of each file that cannot be read, and why.
    """
    registry = CollectorRegistry()
    with (place / _LOCK).open("a") as lock:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
            _join(place, on_lost)
        registry.register(_Files(place))
        yield registry


def _join(place: Path, on_lost: Callable[[str, Exception], None]) -> None:
    """Add the counts of ended processes to those that have ended before, and remove their files.

    A process may be killed here, and none may be counted twice, or not at all: the sums are drafted
    in a file beside, and the ended files count until that has taken the place of the old sums.
    """
    for kind in _KINDS:
        sums = place / f"{kind}_{_TOGETHER}.db"
        draft = sums.with_suffix(".draft")
        _settle(place, kind, draft)
        if not (ended := list(place.glob(f"{kind}_{_ENDED}*.db"))):
            continue
        with suppress(FileNotFoundError):  # these are the first
            shutil.copyfile(sums, draft)
        _add(ended, draft, on_lost)
        for file in ended:
            file.rename(file.with_suffix(_ADDED))
        draft.rename(sums)
        _settle(place, kind, draft)


def _settle(place: Path, kind: str, draft: Path) -> None:
    """Remove files that were added up; while the draft is there, it is void, and they count."""
    is_void = draft.exists()
    for file in place.glob(f"{kind}_{_ENDED}*{_ADDED}"):
        if is_void:
            file.rename(file.with_suffix(".db"))
        else:
            file.unlink()
    draft.unlink(missing_ok=True)


def _add(files: list[Path], draft: Path, on_lost: Callable[[str, Exception], None]) -> None:
    """Add the counts of these files, as prometheus_client reads them, to the draft."""
    sums = MmapedDict(str(draft))  # type: ignore[no-untyped-call]
    for file in files:
        try:
            counts = list(MmapedDict.read_all_values_from_file(str(file)))  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError, struct.error) as fault:
            # It is cut short, and would have every scrape fail.
            on_lost(file.name, fault)
            continue
        for key, value, timestamp, _ in counts:
            sums.write_value(key, sums.read_value(key)[0] + value, timestamp)  # type: ignore[no-untyped-call]
    sums.close()  # type: ignore[no-untyped-call]


class _Files(Collector):
    """The metrics in a folder, added up."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def collect(self) -> Iterator[Metric]:
        while True:
            try:
                # A file that a process is about to begin is empty.
                files = [str(each) for each in self._place.glob("*.db") if each.stat().st_size]
                metrics = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
            except FileNotFoundError:  # its process has just ended: the file has another name
                continue
            yield from metrics
            return
