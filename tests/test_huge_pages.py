"""What a process keeps is moved to huge pages; what it has given back is not fetched again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app import huge_pages
from app.huge_pages import PIECE_BYTES, pieces
from tests.processes import printed

#: Fills 20 MB, moves them to huge pages, and prints how many kB were moved and whether the bytes
#: are still the same; then maps 40 MB of which one page in 16 is resident, and prints by how many
#: kB the process has grown after another `move`.
_PROGRAM = """
import mmap
from app.huge_pages import move

def kilobytes(name):
    with open("/proc/self/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith(name))

kept = mmap.mmap(-1, 20_000_000, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
kept[:] = bytes(range(250)) * 80_000
before = kilobytes("AnonHugePages")
move(60)
moved = kilobytes("AnonHugePages") - before
sparse = mmap.mmap(-1, 40_000_000, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for page in range(0, 40_000_000, 16 * mmap.PAGESIZE):
    sparse[page] = 1
before = kilobytes("Rss")
move(60)
print(moved, int(kept[:] == bytes(range(250)) * 80_000), kilobytes("Rss") - before)
"""
#: Maps a file, moves memory, and prints 1.
_MAPPING = """
import mmap
from app.huge_pages import move

with open({file!r}, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ):
    move(60)
print(1)
"""
_MAPS = """\
55e0a0000000-55e0a0100000 rw-p 00000000 00:00 0                          [heap]
7f0000100000-7f0000700000 rw-p 00000000 00:00 0
7f0001000000-7f0001400000 rw-s 00000000 00:01 77                         /dev/zero (deleted)
7f0002000000-7f0002400000 r-xp 00000000 fe:00 123                        /usr/lib/libc.so.6
7f0003000000-7f0003400000 rw-p 00000000 fe:00 123                        /usr/lib/libc.so.6
7f0004000000-7f0004400000 ---p 00000000 00:00 0
7ffc00000000-7ffc00400000 rw-p 00000000 00:00 0                          [stack]
"""


def test_what_is_kept_is_moved_whole_and_what_was_given_back_is_not() -> None:
    if not huge_pages._are_wanted():
        pytest.skip("this system has no huge pages to move to")
    moved, is_same, grown = map(int, printed(_PROGRAM))
    if not moved:
        pytest.skip("this kernel moves nothing (before Linux 6.1), or has none left")
    assert moved * 1024 >= 10_000_000  # the kernel may have no more of them
    assert is_same
    assert grown < 10_000


def test_a_library_whose_path_is_not_utf_8_stops_nothing(tmp_path: Path) -> None:
    file = os.fsencode(tmp_path) + b"/libr\xe9.so"
    Path(os.fsdecode(file)).write_bytes(b"x")
    assert printed(_MAPPING.format(file=file)) == ["1"]


def test_only_a_process_s_own_memory_is_looked_at_in_whole_pieces() -> None:
    assert list(pieces(_MAPS)) == [0x7F0000200000, 0x7F0000400000]


@pytest.mark.parametrize(
    ("size", "enabled", "are_wanted"),
    [
        (PIECE_BYTES, "always [madvise] never", True),
        (PIECE_BYTES, "[always] madvise never", True),
        (PIECE_BYTES, "always madvise [never]", False),
        (512 * 1024 * 1024, "[always] madvise never", False),
        ("", "", False),
    ],
)
def test_an_operator_who_wants_none_has_none(
    size: object,
    enabled: str,
    are_wanted: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(huge_pages, "_SYSTEM", tmp_path)
    (tmp_path / "hpage_pmd_size").write_text(f"{size}\n")
    (tmp_path / "enabled").write_text(f"{enabled}\n")
    assert huge_pages._are_wanted() is are_wanted
    (tmp_path / "enabled").unlink()
    assert not huge_pages._are_wanted()
