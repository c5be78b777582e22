"""Huge pages: what a process keeps lies in pieces of 2 MiB, where Linux can move it (6.1 and on).

Before a processor reads memory it looks up where the page is; what it remembers of that, a gateway
that has a request each millisecond finds taken by others. MEASURED on a virtual machine, two
processes with and two without it in turns: a small request takes 0.92 of its CPU, one after a
hundred turns and an agent's of 300 items 0.97, an event that comes by itself 0.92; on another
machine it was 0 to 2 % of a small request. It takes 3 to 4 MB more memory a process.

It is done when a process is ready to serve, and again as it grows. Only what is resident for the
most part is moved, so that what malloc has given back (app/memory.py) stays with the kernel. Where
an operator has set `transparent_hugepage/enabled` to `never`, nothing is.
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
#: What part of a piece has to be resident already.
_LEAST_SHARE = 0.7
#: How long a process may be kept busy before it serves, and at a time when it does, in seconds.
#: MEASURED: to move a piece takes 1 to 6 ms, to look at 60 MB 1.
_BEFORE_S, _AT_ONCE_S = 1.0, 0.01
#: How long to wait before each look, in seconds: a process grows most when its work begins.
_PAUSES_S, _LAST_PAUSE_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0), 60.0
_SYSTEM = Path("/sys/kernel/mm/transparent_hugepage")
#: "Make this a huge page, now" (madvise(2)), for which Python has no name.
_MADV_COLLAPSE = 25


def keep_in_huge_pages() -> None:
    """Move this process's memory to huge pages, and from now on what it grows by."""
    if not _are_wanted():
        return
    move(_BEFORE_S)

    def look() -> None:
        for pause_s in chain(_PAUSES_S, repeat(_LAST_PAUSE_S)):
            time.sleep(pause_s)
            move(_AT_ONCE_S)

    threading.Thread(target=look, name="huge-pages", daemon=True).start()


def move(within_s: float) -> None:
    """Move what is not in huge pages yet, until all is or so many seconds are over."""
    libc = ctypes.CDLL(None)
    madvise, mincore = libc.madvise, libc.mincore
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)
    # A byte for each page, whose lowest bit says that it is resident (mincore(2)).
    pages = ctypes.create_string_buffer(PIECE_BYTES // mmap.PAGESIZE)
    least = _LEAST_SHARE * len(pages)
    ends_at = time.monotonic() + within_s
    for address in pieces(Path("/proc/self/maps").read_text()):
        # It may have been freed meanwhile, or no huge page be left: then it stays as it is.
        if mincore(address, PIECE_BYTES, pages) == 0 and pages.raw.count(b"\x01") >= least:
            madvise(address, PIECE_BYTES, _MADV_COLLAPSE)
        if time.monotonic() > ends_at:
            return


def pieces(maps: str) -> Iterator[int]:
    """Yield where each whole piece of a process's own memory begins, Python's and malloc's.

    `maps` is what /proc/PID/maps says of the process (proc(5)).
    """
    for line in maps.splitlines():
        span, permissions, _, _, inode, *name = line.split()
        if permissions == "rw-p" and inode == "0" and name in ([], ["[heap]"]):
            begin, end = (int(address, 16) for address in span.split("-"))
            first = -(-begin // PIECE_BYTES) * PIECE_BYTES
            yield from range(first, end - PIECE_BYTES + 1, PIECE_BYTES)


def _are_wanted() -> bool:
    """Tell whether the kernel has huge pages of this size, and its operator lets them be used."""
    try:
        size = int(Path(_SYSTEM, "hpage_pmd_size").read_text())
        return size == PIECE_BYTES and "[never]" not in Path(_SYSTEM, "enabled").read_text()
    except (OSError, ValueError):  # another system, or a container that hides it
        return False
