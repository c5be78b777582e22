"""Memory settings of a process that serves for days: Python's collector and glibc's malloc.

Memory that large bodies leave behind is kept. MEASURED: a picture of 8 MB takes 25 ms if each large
block of a request is returned to the kernel when freed: the next one is mapped page by page, each
page zeroed. If the process keeps them it takes 10 ms, and no more memory at its peak (3.0 bodies).
That is for gevent's workers, which run all requests in one thread: with many threads malloc has
many arenas, and each would keep as much.

Each minute, free memory beyond what a process shall keep is returned. MEASURED: after eight
pictures at once 10 to 30 bodies lie between blocks still in use, and would stay; and on threads,
eight callers of a conversation of 100 MB left 400 to 700 MB in malloc's arenas.
"""

from __future__ import annotations

import ctypes
import gc
import threading
import time
from collections.abc import Mapping

#: Maximum free memory that the process keeps, in bytes.
KEPT_BYTES = 128 * 1024 * 1024
#: Bytes from which on a block is mapped and unmapped by itself: orjson allocates eight times what
#: it writes, but touches only as much as it writes.
_OWN_FROM_BYTES = 1024 * 1024 * 1024
#: Interval between checks of free memory, in seconds.
LOOK_S = 60.0
# From malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
#: Variables by which an operator overrides these settings.
_VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory(environ: Mapping[str, str]) -> bool:
    """Keep freed memory in this process; False where another malloc or the operator decides."""
    if _operator_decides(environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl, macOS
        return False
    return bool(
        mallopt(_M_MMAP_THRESHOLD, _OWN_FROM_BYTES) and mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
    )


def _operator_decides(environ: Mapping[str, str]) -> bool:
    return any(name in environ for name in _VARIABLES)


class _Mallinfo2(ctypes.Structure):
    """Malloc's statistics (mallinfo(3)): `fordblks` is the number of free bytes."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def give_back() -> bool:
    """Return free memory beyond `KEPT_BYTES` to the kernel; tell whether any was returned.

    MEASURED: the check takes 0.3 ms, returning 250 MB in 20,000 pieces 3 ms.
    """
    try:
        libc = ctypes.CDLL(None)
        mallinfo2, malloc_trim = libc.mallinfo2, libc.malloc_trim  # glibc's, from 2.33 on
    except (OSError, AttributeError):
        return False
    mallinfo2.restype = _Mallinfo2
    malloc_trim.argtypes = (ctypes.c_size_t,)
    return bool(mallinfo2().fordblks > KEPT_BYTES and malloc_trim(KEPT_BYTES))


def give_back_each_minute(environ: Mapping[str, str]) -> None:
    """Start a thread that calls `give_back` each minute, unless the operator decides."""
    if _operator_decides(environ):
        return

    def look() -> None:
        while True:
            time.sleep(LOOK_S)
            give_back()

    threading.Thread(target=look, name="memory", daemon=True).start()


def expect_to_keep() -> None:
    """Make the garbage collector run rarely during imports, here or in a fork of this process.

    MEASURED: a tenth of the import time went into three hundred collections of objects that stay.
    """
    gc.set_threshold(100_000, 20, 50)


def collect_seldom() -> None:
    """Make the garbage collector run rarely, and never look at the objects that exist now.

    MEASURED: 4 % of a small request, and a tenth of a worker's first jobs, were spent on
    collections, each of which traversed all objects that live as long as the process. What a
    request leaves behind is seldom cyclic.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
