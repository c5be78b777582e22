"""Switches coverage's counting of lines off and on, between tests, and makes its report cheaper."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Hashable, Iterator
from functools import cache
from typing import Any

from coverage import Coverage

#: What has a process that this one starts count its lines, too.
_OF_PROCESSES = "COVERAGE_PROCESS_CONFIG"


class LineCounter:
    """What coverage traces this thread, new ones and processes with; off from the beginning.

    pytest-cov's own mark stops and starts coverage for each test, which has each fork of later
    tests start it as many times.
    """

    def __init__(self) -> None:
        self._tracers = sys.gettrace(), threading.gettrace()
        self._of_processes = os.environ.get(_OF_PROCESSES)  # noqa: TID251 - it is coverage's own
        self._counts = True
        self._once: set[Hashable] = set()
        self.count(False)
        self.count_processes(False)

    def count(self, wanted: bool) -> None:
        """Count lines from now on, or no longer."""
        if wanted != self._counts:
            own, threads = self._tracers if wanted else (None, None)
            sys.settrace(own)
            threading.settrace(threads)
            self._counts = wanted

    @contextlib.contextmanager
    def counting_once(self, what: Hashable) -> Iterator[None]:
        """Count no lines within the block where it is not the first of what it does."""
        counts = self._counts
        self.count(counts and what not in self._once)
        if counts:
            self._once.add(what)
        try:
            yield
        finally:
            self.count(counts)

    def count_processes(self, wanted: bool) -> None:
        """Have processes that are started from now on count their lines, or not.

        MEASURED: one whose lines are counted takes half as long again to start.
        """
        if self._of_processes is not None and wanted:
            os.environ[_OF_PROCESSES] = self._of_processes  # noqa: TID251 - as above
        else:
            os.environ.pop(_OF_PROCESSES, None)  # noqa: TID251 - as above


def read_sources_once() -> None:
    """Have coverage parse each file once, though pytest-cov has it report twice.

    Once for the total, and once to be shown. MEASURED: that takes 4 s each time, after all tests.
    """
    coverage: Any = Coverage
    coverage._get_file_reporter = cache(coverage._get_file_reporter)
