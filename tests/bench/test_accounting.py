"""CPU and memory of processes, by the operating system's account."""

from __future__ import annotations

import time

import psutil
import pytest

from bench.accounting import Serving


@pytest.mark.parametrize("count", [1, 2])
def test_cpu_is_what_the_processes_themselves_count(count: int) -> None:
    serving = Serving([psutil.Process()] * count)
    # Other threads of this process may run between any two looks.
    before, counted, after = time.process_time(), serving.cpu_s(), time.process_time()
    assert count * before <= counted <= count * after


def test_without_a_clock_for_it_ticks_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert Serving([psutil.Process()]).cpu_s() == pytest.approx(time.process_time(), abs=0.5)


def test_memory_is_what_the_process_has_alone() -> None:
    process = psutil.Process()
    assert 0 < Serving([process]).memory_bytes() <= process.memory_info().rss
