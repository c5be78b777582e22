"""Usage that a process could not write before it ended is recorded by another one, once."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.domain.accounts.attribution import Attribution
from app.domain.accounts.request_log import RequestEntry
from app.domain.accounts.usage import UsageLine
from app.errors import StorageUnavailable
from app.store.rate_limits.base import Adjustment, BudgetLimit, Lease, RateLimit
from app.store.spool.usage import AT_ONCE, SpooledUsage
from app.store.usage.base import Unwritten
from tests.memory_stores.usage import MemoryUsageStore
from tests.store.spools import FlakyStore

MONDAY = date(2030, 1, 7)
LINE = UsageLine(
    account="acme",
    key_id="key_1",
    model="openai/gpt:5",
    day=MONDAY,
    requests=2,
    output_tokens=20,
    known_microusd=41,
    attribution=Attribution("bøb", (("team", "a"), ("unit", "b"))),
    write_id="first",
)
ADJUSTMENT = Adjustment(
    12.5,
    ((RateLimit("key:tokens", 60, 1_000), -7, 10),),
    Lease("lease_1", "acme", ("key:in_flight",), 30.0),
    ((BudgetLimit("key:total", "total", 5_000_000), -9, 41),),
    is_withdrawal=True,
)


class Book(MemoryUsageStore):
    """A store of use; `lacks` are lines that it cannot take, though it takes the others."""

    def __init__(self) -> None:
        self.adjusted: list[Adjustment] = []
        self.lacks: Sequence[UsageLine] = ()
        super().__init__(self.adjusted.append)

    def record(
        self,
        lines: Sequence[UsageLine],
        adjustments: Sequence[Adjustment] = (),
        entries: Sequence[RequestEntry] = (),
    ) -> Sequence[Unwritten]:
        super().record([each for each in lines if each not in self.lacks], adjustments, entries)
        return [each for each in lines if each in self.lacks]

    def requests(self) -> int:
        return sum(line.requests for line in self.read("acme", [MONDAY]))


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def store() -> FlakyStore:
    return FlakyStore()


def spooled(book: Book, store: FlakyStore, directory: Path) -> SpooledUsage:
    """Return what a process that reaches the store knows."""
    made = SpooledUsage(book, store, directory)
    made.deliver()
    return made


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*/*"))


def test_what_one_process_leaves_another_records(
    book: Book, store: FlakyStore, tmp_path: Path
) -> None:
    spooled(book, store, tmp_path).put([LINE], [ADJUSTMENT])
    spooled(book, store, tmp_path)
    (line,) = book.read("acme", [MONDAY], attributed=True)
    assert replace(line, write_id="") == replace(LINE, write_id="")
    assert book.adjusted == [ADJUSTMENT]
    assert files(tmp_path) == []


def test_a_file_is_its_owners_alone(book: Book, store: FlakyStore, tmp_path: Path) -> None:
    file = spooled(book, store, tmp_path).put([LINE], [])
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_what_the_store_had_already_counts_once(
    book: Book, store: FlakyStore, tmp_path: Path
) -> None:
    spooled(book, store, tmp_path).put([LINE], [])
    book.record([LINE])
    spooled(book, store, tmp_path)
    assert book.requests() == LINE.requests


def test_while_the_store_takes_no_writes_it_waits(
    book: Book, store: FlakyStore, tmp_path: Path
) -> None:
    process = spooled(book, store, tmp_path)
    process.put([LINE], [])
    for state in ("away", "full"):
        setattr(store, state, True)
        process.deliver()
        assert (book.requests(), len(files(tmp_path))) == (0, 1)
        setattr(store, state, False)
    process.deliver()
    assert (book.requests(), files(tmp_path)) == (LINE.requests, [])


def test_what_is_left_for_another_store_is_left_alone(
    book: Book, store: FlakyStore, tmp_path: Path
) -> None:
    process = spooled(book, store, tmp_path)
    process.put([LINE], [])
    store.store_id = "store_2"
    process.deliver()
    assert (book.requests(), len(files(tmp_path))) == (0, 1)


def test_a_process_that_never_reached_its_store_leaves_nothing(
    book: Book, store: FlakyStore, tmp_path: Path
) -> None:
    store.away = True
    with pytest.raises(StorageUnavailable):
        spooled(book, store, tmp_path).put([LINE], [])
    assert files(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b'00000000\n{"lines":[],"adjustments":[]}', b"\xff"])
def test_a_damaged_file_is_reported_once_and_keeps_nothing_else_waiting(
    book: Book, store: FlakyStore, tmp_path: Path, content: bytes
) -> None:
    process = spooled(book, store, tmp_path)
    bad, _ = process.put([LINE], []), process.put([LINE], [])
    bad.write_bytes(content)
    with capture_logs() as logged:
        process.deliver()
        process.deliver()
    assert (book.requests(), files(tmp_path)) == (LINE.requests, [bad])
    assert [each["event"] for each in logged if each["log_level"] == "error"] == [
        "spooled_usage_left_alone"
    ]


@pytest.mark.parametrize("method", ["glob", "read_bytes"])
def test_without_a_descriptor_it_waits(
    book: Book, store: FlakyStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    process = spooled(book, store, tmp_path)
    process.put([LINE], [])
    with capture_logs() as logged, monkeypatch.context() as scarce:
        scarce.setattr(Path, method, refuse)
        process.deliver()
    assert [each["event"] for each in logged] == ["usage_not_delivered"]
    process.deliver()
    assert (book.requests(), files(tmp_path)) == (LINE.requests, [])


def test_of_what_was_recorded_in_part_the_rest_waits(
    book: Book, store: FlakyStore, tmp_path: Path
) -> None:
    process, other = spooled(book, store, tmp_path), replace(LINE, model="other", write_id="two")
    process.put([LINE, other], [ADJUSTMENT])
    book.lacks = [other]
    process.deliver()
    (waiting,) = files(tmp_path)
    process.deliver()
    assert files(tmp_path) == [waiting]  # of which nothing was recorded
    book.lacks = []
    process.deliver()
    assert (book.requests(), book.adjusted) == (2 * LINE.requests, [ADJUSTMENT])


def test_many_are_recorded_in_parts(book: Book, store: FlakyStore, tmp_path: Path) -> None:
    process, count = spooled(book, store, tmp_path), 2 * AT_ONCE + 1
    process.put([replace(LINE, write_id=str(n)) for n in range(count)], [ADJUSTMENT] * count)
    process.deliver()
    assert (book.requests(), len(book.adjusted)) == (count * LINE.requests, count)
