"""How a process that serves for days treats its memory: Python's collector and glibc's malloc.

What bodies of many MiB leave behind is kept. MEASURED: a picture of 8 MB takes 25 ms where each of
a request's long pieces of memory goes back to the kernel when it is freed, and the next one comes
page by page, each page zeroed. Kept by the process it takes 10, and no more memory at most (3.0
bodies). That is for gevent's workers, whose requests are one thread's: with many threads, malloc
has many arenas, and each would keep as much.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Mapping

#: The process keeps at most so much that is free at the end of its heap, in bytes.
KEPT_BYTES = 128 * 1024 * 1024
#: From how many bytes on a piece comes from the kernel and goes back: orjson takes eight times what
#: it writes, of which it touches as much as it writes.
_OWN_FROM_BYTES = 1024 * 1024 * 1024
# By malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
#: What an operator may have said, which counts.
_VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory(environ: Mapping[str, str]) -> bool:
    """Have this process keep freed memory; False where another malloc or the operator decides."""
    if any(name in environ for name in _VARIABLES):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl's, macOS's
        return False
    return bool(
        mallopt(_M_MMAP_THRESHOLD, _OWN_FROM_BYTES) and mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
    )


def collect_seldom() -> None:
    """Have the garbage collector look seldom, and never at what is there now.

    MEASURED: 4 % of a small request was spent on collections, each of which went through everything
    that lives as long as the process; a tenth of a worker's first jobs. What a request leaves
    behind is seldom cyclic.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
