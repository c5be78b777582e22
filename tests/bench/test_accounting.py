"""CPU and memory of processes, by the operating system's account."""

from __future__ import annotations

import time

import psutil
import pytest

from bench.accounting import Serving


def test_cpu_is_what_the_process_itself_counts() -> None:
    own = Serving([psutil.Process()])
    before_s, own_before_s = own.cpu_s(), time.process_time()
    sum(range(2_000_000))
    assert own.cpu_s() - before_s == pytest.approx(time.process_time() - own_before_s, abs=0.005)


def test_cpu_is_that_of_all_processes() -> None:
    own = psutil.Process()
    assert Serving([own, own]).cpu_s() == pytest.approx(2 * Serving([own]).cpu_s(), rel=0.01)


def test_without_a_clock_for_it_ticks_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert Serving([psutil.Process()]).cpu_s() == pytest.approx(time.process_time(), abs=0.5)


def test_memory_is_what_the_process_has_alone() -> None:
    process = psutil.Process()
    assert 0 < Serving([process]).memory_bytes() <= process.memory_info().rss
