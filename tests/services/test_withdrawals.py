"""What was refused is taken back, once Redis can be reached."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from app.errors import StorageUnavailable
from app.services.background.withdrawals import Withdrawals
from tests.processes import until


class Shelf:
    """Notes what is taken back. It is away until it was asked for so much; then `fault` is raised
    once.
    """

    def __init__(self, away: int = 0, fault: Exception | None = None) -> None:
        self.taken: list[str] = []
        self._away = away
        self._fault = fault

    def withdraw(self, _account: str, response_id: str) -> None:
        if self._away:
            self._away -= 1
            raise StorageUnavailable("away")
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault
        self.taken.append(response_id)


def settled(shelf: Shelf, *ids: str, most: int = 10) -> list[str]:
    """Return what has been taken back, once nothing is left; all of it is refused first."""
    go_on = threading.Event()
    withdrawals = Withdrawals(shelf.withdraw, lambda _: go_on.wait(), most)
    for each in ids:
        withdrawals.take_back("acme", each)
    go_on.set()
    # Its own word: threads of other tests come and go meanwhile.
    until(lambda: not withdrawals._goes_on, "nothing to be left")
    return shelf.taken


def test_it_is_taken_back_at_once() -> None:
    shelf = Shelf()
    Withdrawals(shelf.withdraw, lambda _: pytest.fail("it waits")).take_back("acme", "one")
    assert shelf.taken == ["one"]


@pytest.mark.parametrize("away", [1, 2, 3, 9])
def test_what_cannot_be_is_taken_back_later(away: int) -> None:
    assert settled(Shelf(away), "one") == ["one"]


def test_all_that_is_left_is_taken_back() -> None:
    assert sorted(settled(Shelf(99), "one", "two", "three")) == ["one", "three", "two"]


def test_one_that_cannot_be_taken_back_holds_up_no_others() -> None:
    assert len(settled(Shelf(99, ZeroDivisionError()), "one", "two")) == 1


def test_no_more_is_remembered_than_may_be() -> None:
    assert len(settled(Shelf(99), *map(str, range(20)), most=3)) <= 4


def test_what_comes_after_all_was_settled_is_taken_back_as_well() -> None:
    shelf = Shelf(2)
    withdrawals = Withdrawals(shelf.withdraw, lambda _: None)
    for each in ("one", "two"):
        withdrawals.take_back("acme", each)
        until(_has(shelf, each), "it to be taken back")
        shelf._away = 2
    assert shelf.taken == ["one", "two"]


def test_where_no_thread_can_be_had_the_next_takes_back_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    shelf = Shelf(2)
    withdrawals = Withdrawals(shelf.withdraw, lambda _: None)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        withdrawals.take_back("acme", "one")
    withdrawals.take_back("acme", "two")
    until(lambda: len(shelf.taken) == 2, "both to be taken back")


def _has(shelf: Shelf, response_id: str) -> Callable[[], bool]:
    return lambda: response_id in shelf.taken
