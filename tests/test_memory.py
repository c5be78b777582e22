"""Long pieces of memory that a process has freed are its own to use again."""

from __future__ import annotations

import subprocess
import sys

import pytest

from app.memory import keep_freed_memory

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


def test_what_is_freed_is_used_again() -> None:
    argv = [sys.executable, "-c", _PROGRAM]
    is_set, faults = map(int, subprocess.run(argv, capture_output=True, check=True).stdout.split())  # noqa: S603 - ours
    if not is_set:
        pytest.skip("this is not glibc's malloc")
    assert faults < 1000  # of the 50,000 pages that these are


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"])
def test_what_an_operator_has_said_counts(name: str) -> None:
    assert not keep_freed_memory({name: "1"})
