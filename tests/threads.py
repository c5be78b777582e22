"""Threads that get in one another's way as often as they can."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def at_once(threads: int, do: Callable[[int], object]) -> None:
    """Have so many threads `do` something, each with its number, and wait for all of them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(do, range(threads)))
    finally:
        sys.setswitchinterval(before)
