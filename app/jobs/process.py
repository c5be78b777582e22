"""How a process of a worker ends: with grace however often it is asked to, and never alone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from types import FrameType


def end_once() -> None:
    """Have the process be asked to end once, however often it is: to be called by its main thread.

    Who ends a group of processes asks this one too, and then the parent does: dramatiq would take
    the second time for impatience, and drop what is running.
    """
    asked = signal.getsignal(signal.SIGTERM)

    def ask(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if callable(asked):
            asked(number, frame)

    signal.signal(signal.SIGTERM, ask)


def end_with_parent() -> None:
    """Have the process end when its parent has: nobody else would ever end it."""
    threading.Thread(target=_outlive_parent, daemon=True).start()


def _outlive_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
