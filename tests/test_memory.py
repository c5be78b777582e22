"""Long pieces of memory that a process has freed are its own to use again."""

from __future__ import annotations

import threading

import pytest

from app.memory import KEPT_BYTES, give_back_each_minute, keep_freed_memory
from tests.processes import printed

#: Frees and takes 40 MB six times, and prints how many pages the kernel gave for the last five.
_PROGRAM = """
import resource
from app.memory import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

is_set = keep_freed_memory({})
b"x" * 40_000_000
before = faults()
for _ in range(5):
    b"x" * 40_000_000
print(int(is_set), faults() - before)
"""
#: Frees 240 MB between small pieces that stay, and prints how much of the process is resident then,
#: and once more when it was given back.
_BETWEEN = """
import sys
from app.memory import give_back, keep_freed_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

is_set = keep_freed_memory({})
before = resident()
long, small = [], []
for _ in range(30):
    long.append(b"x" * 8_000_000)
    small.append(b"y" * 200_000)
del long
freed = resident() - before
give_back()
print(int(is_set), freed, resident() - before)
"""
#: The same on eight threads, each with memory of its own.
_ON_THREADS = """
import threading
from app.memory import give_back

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def take():
    long, small = [], []
    for _ in range(500):
        long.append(b"x" * 100_000)
        small.append(b"y" * 2_000)
    del long
    kept.append(small)
    is_there.wait()
    may_end.wait()

kept, is_there, may_end = [], threading.Barrier(9), threading.Event()
before = resident()
threads = [threading.Thread(target=take) for _ in range(8)]
for each in threads:
    each.start()
is_there.wait()
freed = resident() - before
give_back()
print(freed, resident() - before)
may_end.set()
"""


def test_what_is_freed_is_used_again() -> None:
    is_set, faults = map(int, printed(_PROGRAM))
    if not is_set:
        pytest.skip("this is not glibc's malloc")
    assert faults < 1000  # of the 50,000 pages that these are


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"])
def test_what_an_operator_has_said_counts(name: str) -> None:
    assert not keep_freed_memory({name: "1"})


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"])
def test_nothing_is_given_back_where_an_operator_has_said_what_is_kept(name: str) -> None:
    before = threading.active_count()
    give_back_each_minute({name: "1"})
    assert threading.active_count() == before


def test_what_threads_have_freed_is_given_back_too() -> None:
    freed, left = map(int, printed(_ON_THREADS))
    if freed < KEPT_BYTES:
        pytest.skip("this malloc keeps nothing that threads free")
    assert left < KEPT_BYTES


def test_more_than_is_to_be_kept_is_given_back() -> None:
    is_set, freed, left = map(int, printed(_BETWEEN))
    if not is_set:
        pytest.skip("this is not glibc's malloc")
    assert freed > KEPT_BYTES
    assert left < KEPT_BYTES
