"""Answers on this machine's disk."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from string import ascii_letters

import pytest

from app.domain.turns.turn import Position
from app.store.spool.files import Spool
from tests.store.turns import ACCOUNT, STRANGER, next_id, rich, turn


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "data" / "spool"


@pytest.fixture
def spool(directory: Path) -> Spool:
    return Spool(directory)


@pytest.mark.parametrize("position", [None, Position("3", 7)])
def test_an_answer_comes_back_as_it_was(spool: Spool, position: Position | None) -> None:
    shown = rich().response.echo
    kept = turn(response_id=next_id(rich().response.id), parent=position, echo=shown)
    spool.put(kept)
    assert spool.take(kept.response.id) == kept


def test_answers_wait_oldest_first(spool: Spool, directory: Path) -> None:
    turns = [turn() for _ in range(3)]
    for each in turns:
        spool.put(each)
    for seconds, each in zip((30, 10, 20), turns, strict=True):
        os.utime(directory / f"{each.response.id}.turn", (seconds, seconds))
    assert spool.waiting() == [turns[number].response.id for number in (1, 2, 0)]


def test_a_spool_that_was_never_used_is_empty(spool: Spool) -> None:
    assert spool.waiting() == []


def test_what_was_dropped_does_not_wait(spool: Spool) -> None:
    kept = turn()
    spool.put(kept)
    spool.drop(kept.response.id)
    assert (spool.waiting(), spool.take(kept.response.id)) == ([], None)


def test_what_was_never_there_can_be_dropped(spool: Spool) -> None:
    spool.drop("resp_1")


def test_only_the_owner_can_read_what_is_there(spool: Spool, directory: Path) -> None:
    before = os.umask(0)
    try:
        spool.put(turn())
    finally:
        os.umask(before)
    (file,) = directory.iterdir()
    assert (file.stat().st_mode & 0o777, directory.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_file_that_is_being_written_does_not_wait(spool: Spool, directory: Path) -> None:
    spool.put(turn())
    (directory / "resp_1.77.draft").write_bytes(b"{")
    assert len(spool.waiting()) == 1


def test_a_file_that_goes_while_it_is_looked_at_stops_nobody(spool: Spool, directory: Path) -> None:
    kept = turn()
    spool.put(kept)
    (directory / "resp_gone.turn").symlink_to("gone")
    assert spool.waiting() == ["resp_gone", kept.response.id]
    assert spool.take("resp_gone") is None


def test_what_somebody_else_put_there_does_not_wait(spool: Spool, directory: Path) -> None:
    kept = turn()
    spool.put(kept)
    (directory / "resp_folder.turn").mkdir()
    os.mkfifo(directory / "resp_fifo.turn")  # nobody may wait for its writer
    for name in ("notes.txt", "notes.turn", ".turn", "resp_1.turn.bak"):
        (directory / name).write_bytes(b"")
    assert spool.waiting() == [kept.response.id]


def test_another_process_sees_what_waits(spool: Spool, directory: Path) -> None:
    assert spool.waiting() == []
    kept = turn()
    Spool(directory).put(kept)
    assert spool.waiting() == [kept.response.id]


@pytest.fixture
def settled(spool: Spool, directory: Path) -> Spool:
    """A spool that was empty for so long that it is known to be."""
    directory.mkdir(parents=True)
    os.utime(directory, (1, 1))
    assert spool.waiting() == []
    return spool


def test_a_spool_that_stays_empty_is_not_read(settled: Spool, directory: Path) -> None:
    (directory / "resp_1.turn").write_bytes(b"")
    os.utime(directory, (1, 1))
    assert settled.waiting() == []


def test_a_spool_that_was_long_empty_is_read_again_once_it_changes(settled: Spool) -> None:
    kept = turn()
    settled.put(kept)
    assert settled.waiting() == [kept.response.id]


def test_two_changes_at_the_same_instant_are_both_seen(spool: Spool, directory: Path) -> None:
    directory.mkdir(parents=True)
    changed_at_ns = directory.stat().st_mtime_ns
    assert spool.waiting() == []
    kept = turn()
    spool.put(kept)
    os.utime(directory, ns=(changed_at_ns, changed_at_ns))
    assert spool.waiting() == [kept.response.id]


def test_a_damaged_file_is_not_taken_for_an_answer(spool: Spool, directory: Path) -> None:
    kept = turn()
    spool.put(kept)
    (file,) = directory.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="damaged"):
        spool.take(kept.response.id)


def test_a_disk_that_is_full_is_left_with_nothing_half_written(
    spool: Spool, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        spool.put(turn())
    assert list(directory.iterdir()) == []


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 kB, where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = [shutil.which("mount") or "mount", "-t", "tmpfs", "-o", "size=16k", "spool", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:  # noqa: S603 - ours
        pytest.skip("this user may mount no file system")
    yield place
    unmount = [shutil.which("umount") or "umount", str(place)]
    subprocess.run(unmount, check=True)  # noqa: S603 - ours


def test_a_file_system_without_room_keeps_what_fitted_and_nothing_else(full_disk: Path) -> None:
    spool, kept = Spool(full_disk / "spool"), turn()
    spool.put(kept)
    large = "".join(random.Random(1).choices(ascii_letters, k=40_000))  # noqa: S311 - a filling
    with pytest.raises(OSError, match="No space"):
        spool.put(turn(large))
    assert [file.stem for file in spool.directory.iterdir()] == [kept.response.id]
    assert spool.take(kept.response.id) == kept


def test_an_answer_that_only_replicas_lack_says_so(spool: Spool) -> None:
    here, there = turn(), turn()
    spool.put(here)
    spool.put(there, is_kept=True)
    assert [spool.is_kept(each.response.id) for each in (here, there)] == [False, True]
    assert spool.take(there.response.id) == there


def test_an_answer_that_replicas_lack_waits_as_before(spool: Spool) -> None:
    kept = turn()
    spool.put(kept)
    spool.mark_kept(kept.response.id)
    assert (spool.waiting(), spool.is_kept(kept.response.id)) == ([kept.response.id], True)
    assert spool.take(kept.response.id) == kept


def test_who_drops_an_answer_learns_whether_another_did(spool: Spool) -> None:
    kept = turn()
    spool.put(kept, is_kept=True)
    assert [spool.drop(kept.response.id) for _ in range(2)] == [True, False]


def test_an_accounts_answers_can_be_erased(spool: Spool, directory: Path) -> None:
    directory.mkdir(parents=True)
    (directory / "resp_damaged.turn").write_bytes(b"")
    ours, theirs = turn(), turn(account=STRANGER)
    spool.put(ours)
    spool.put(theirs)
    assert spool.erase(ACCOUNT) == [ours.response.id]
    assert set(spool.waiting()) == {"resp_damaged", theirs.response.id}


def test_what_a_process_that_died_was_writing_is_erased(spool: Spool, directory: Path) -> None:
    directory.mkdir(parents=True)
    for name, age in (("abandoned", 1), ("under_way", None)):
        (directory / f"resp_{name}.77.draft").write_bytes(b"{")
        if age:
            os.utime(directory / f"resp_{name}.77.draft", (age, age))
    spool.erase(ACCOUNT)
    assert [file.name for file in directory.iterdir()] == ["resp_under_way.77.draft"]
