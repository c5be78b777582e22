"""What is moved into huge pages is what the process uses of its own memory."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from app.serving.huge_pages import places

_SIZE = 0x20_0000
_MAPS = """\
555555600000-555555a80000 rw-p 00000000 00:00 0                          [heap]
Size:               4608 kB
Rss:                4600 kB
VmFlags: rd wr mr mw me ac
7f0000100000-7f0000900000 rw-p 00000000 00:00 0
Size:               8192 kB
Rss:                  48 kB
7f0001000000-7f0001400000 rw-p 00000000 08:01 131                        /usr/lib/libfoo.so
Rss:                4096 kB
7f0002000000-7f0002400000 r--p 00000000 00:00 0
Rss:                4096 kB
7f0003100000-7f0003700000 rw-p 00000000 00:00 0
Rss:                3500 kB
7ffffff00000-800000400000 rw-p 00000000 00:00 0                          [stack]
Rss:                4096 kB
"""


def test_they_lie_within_areas_that_are_in_use() -> None:
    heap, arenas = (0x5555_5560_0000, 0x5555_5580_0000), (0x7F00_0320_0000, 0x7F00_0340_0000)
    assert tuple(places(_MAPS, _SIZE)) == heap + arenas


_PROGRAM = """
from pathlib import Path
from app.serving.huge_pages import use_huge_pages

kept = [bytearray(b"x" * 1000) for _ in range(50_000)]
count = use_huge_pages()
print(count, Path("/proc/self/smaps_rollup").read_text() if count else "")
assert all(each == b"x" * 1000 for each in kept)
"""


def test_a_process_has_them_where_the_kernel_gives_some() -> None:
    argv = [sys.executable, "-c", _PROGRAM]
    result = subprocess.run(argv, capture_output=True, check=True, text=True)  # noqa: S603 - ours
    count, _, rollup = result.stdout.partition(" ")
    if not int(count):
        pytest.skip("this kernel gives none")
    huge = re.search(r"AnonHugePages: +([0-9]+) kB", rollup)
    assert huge is not None
    assert int(huge[1]) > 0
