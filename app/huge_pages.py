"""Huge pages: has Linux (6.1 or later) back a process's memory with pages of 2 MiB.

A processor caches where pages of memory are. A gateway that gets a request each millisecond finds
that cache (TLB) filled by other processes; huge pages need fewer entries of it. MEASURED on a
virtual machine, two processes with and two without in turns: a small request takes 0.92 of its CPU,
one after a hundred turns and an agent's of 300 items 0.97, an event that comes by itself 0.92; on
another machine a small request saved 0 to 2 %. It costs 3 to 4 MB more memory a process.

Memory is moved when a process is ready to serve, and again as it grows. Only pieces that are mostly
resident are moved, so that what malloc has given back (app/memory.py) stays with the kernel.
Nothing is moved if the operator has set `transparent_hugepage/enabled` to `never`.
"""

from __future__ import annotations

import ctypes
import mmap
import threading
import time
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

#: The size of a huge page on x86-64, and on ARM where a page has 4 KiB, in bytes.
PIECE_BYTES = 2 * 1024 * 1024
#: Share of a piece that must be resident already.
_LEAST_SHARE = 0.9
#: Maximum time that moving may take, in seconds: before a process serves, and at a time while it
#: does. MEASURED: moving a piece takes 1 to 6 ms, looking at 60 MB 1 ms.
_BEFORE_S, _AT_ONCE_S = 1.0, 0.01
#: Pauses before each look, in seconds: a process grows most when its work begins.
_PAUSES_S, _LAST_PAUSE_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0), 60.0
_SYSTEM = Path("/sys/kernel/mm/transparent_hugepage")
#: "Make this a huge page, now" (madvise(2)), for which Python has no name.
_MADV_COLLAPSE = 25


def keep_in_huge_pages() -> None:
    """Move this process's memory to huge pages now, and regularly as it grows."""
    if not _are_wanted():
        return
    move(_BEFORE_S)

    def look() -> None:
        for pause_s in chain(_PAUSES_S, repeat(_LAST_PAUSE_S)):
            time.sleep(pause_s)
            move(_AT_ONCE_S)

    threading.Thread(target=look, name="huge-pages", daemon=True).start()


def move(within_s: float) -> None:
    """Move memory that is not in huge pages yet, until done or `within_s` seconds have passed."""
    libc = ctypes.CDLL(None)
    madvise, mincore = libc.madvise, libc.mincore
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)
    # One byte for each page; its lowest bit says whether the page is resident (mincore(2)).
    pages = ctypes.create_string_buffer(PIECE_BYTES // mmap.PAGESIZE)
    least = _LEAST_SHARE * len(pages)
    ends_at = time.monotonic() + within_s
    try:
        maps = Path("/proc/self/maps").read_text(errors="replace")
    except OSError:  # no file descriptor is left: the next look tries again
        return
    for address in pieces(maps):
        # Failures are ignored: it may have been freed meanwhile, or no huge page be available.
        if mincore(address, PIECE_BYTES, pages) == 0 and pages.raw.count(b"\x01") >= least:
            madvise(address, PIECE_BYTES, _MADV_COLLAPSE)
        if time.monotonic() > ends_at:
            return


def pieces(maps: str) -> Iterator[int]:
    """Yield the address of each whole piece of the process's own memory, Python's and malloc's.

    `maps` is the content of /proc/PID/maps (proc(5)).
    """
    for line in maps.splitlines():
        span, permissions, _, _, inode, *name = line.split()
        if permissions == "rw-p" and inode == "0" and name in ([], ["[heap]"]):
            begin, end = (int(address, 16) for address in span.split("-"))
            first = -(-begin // PIECE_BYTES) * PIECE_BYTES
            yield from range(first, end - PIECE_BYTES + 1, PIECE_BYTES)


def _are_wanted() -> bool:
    """Tell whether the kernel has huge pages of this size and the operator permits them."""
    try:
        size = int(Path(_SYSTEM, "hpage_pmd_size").read_text())
        return size == PIECE_BYTES and "[never]" not in Path(_SYSTEM, "enabled").read_text()
    except (OSError, ValueError):  # not Linux, or a container that hides it
        return False
