"""How a process that serves for days treats its memory: Python's collector and glibc's malloc.

What bodies of many MiB leave behind is kept. MEASURED: a picture of 8 MB takes 25 ms where each of
a request's long pieces of memory goes back to the kernel when it is freed, and the next one comes
page by page, each page zeroed. Kept by the process it takes 10, and no more memory at most (3.0
bodies). That is for gevent's workers, whose requests are one thread's: with many threads, malloc
has many arenas, and each would keep as much.

Each minute what is free goes back where it is more than a process shall keep. MEASURED: of eight
pictures at once there lie 10 to 30 bodies between pieces that are still in use, and would stay; and
on threads eight callers of a conversation of 100 MB left 400 to 700 MB in malloc's arenas.
"""

from __future__ import annotations

import ctypes
import gc
import threading
import time
from collections.abc import Mapping

#: The process keeps at most so much that is free, in bytes.
KEPT_BYTES = 128 * 1024 * 1024
#: From how many bytes on a piece comes from the kernel and goes back: orjson takes eight times what
#: it writes, of which it touches as much as it writes.
_OWN_FROM_BYTES = 1024 * 1024 * 1024
#: How often it is looked at what is free, in seconds.
LOOK_S = 60.0
# By malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
#: What an operator may have said, which counts.
_VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory(environ: Mapping[str, str]) -> bool:
    """Have this process keep freed memory; False where another malloc or the operator decides."""
    if _operator_decides(environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl's, macOS's
        return False
    return bool(
        mallopt(_M_MMAP_THRESHOLD, _OWN_FROM_BYTES) and mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
    )


def _operator_decides(environ: Mapping[str, str]) -> bool:
    return any(name in environ for name in _VARIABLES)


class _Mallinfo2(ctypes.Structure):
    """What malloc tells of itself (mallinfo(3)): `fordblks` are the bytes that are free."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def give_back() -> bool:
    """Give free memory back to the kernel where there is more than is to be kept; tell whether.

    MEASURED: to look takes 0.3 ms, to give back 250 MB in 20,000 pieces 3.
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
    """Have this process `give_back` from now on, unless the operator decides."""
    if _operator_decides(environ):
        return

    def look() -> None:
        while True:
            time.sleep(LOOK_S)
            give_back()

    threading.Thread(target=look, name="memory", daemon=True).start()


def expect_to_keep() -> None:
    """Have the garbage collector wait while the gateway is imported, here or in a fork of this.

    MEASURED: of the time that takes, a tenth went into three hundred collections of what stays.
    """
    gc.set_threshold(100_000, 20, 50)


def collect_seldom() -> None:
    """Have the garbage collector look seldom, and never at what is there now.

    MEASURED: 4 % of a small request was spent on collections, each of which went through everything
    that lives as long as the process; a tenth of a worker's first jobs. What a request leaves
    behind is seldom cyclic.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
