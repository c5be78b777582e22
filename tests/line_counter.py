"""Switches coverage's counting of lines off and on, between tests, and makes its report cheaper."""

from __future__ import annotations

import sys
import threading
from functools import cache
from typing import Any

from coverage import Coverage


class LineCounter:
    """What coverage traces this thread and new ones with; off from the beginning.

    pytest-cov's own mark stops and starts coverage for each test, which has each fork of later
    tests start it as many times.
    """

    def __init__(self) -> None:
        self._tracers = sys.gettrace(), threading.gettrace()
        self._counts = True
        self.count(False)

    def count(self, wanted: bool) -> None:
        """Count lines from now on, or no longer."""
        if wanted != self._counts:
            own, threads = self._tracers if wanted else (None, None)
            sys.settrace(own)
            threading.settrace(threads)
            self._counts = wanted


def read_sources_once() -> None:
    """Have coverage parse each file once, though pytest-cov has it report twice.

    Once for the total, and once to be shown. MEASURED: that takes 4 s each time, after all tests.
    """
    coverage: Any = Coverage
    coverage._get_file_reporter = cache(coverage._get_file_reporter)
