"""Whoever may use a key is known for a moment, and nobody is known who may not."""

from __future__ import annotations

import pytest

from app.domain.accounts.accounts import Caller, Principal
from app.services.accounts import recent_callers
from app.services.accounts.authentication import FRESH_S
from app.services.accounts.recent_callers import RecentCallers
from tests.services.clocks import Clock

KEY = Principal("acme", "key_1")
CALLER = Caller(account="acme", key_id="key_1")


class Accounts:
    """Look-ups that are counted."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.caller: Caller | None = CALLER
        self.looked_up = 0
        self.recent = RecentCallers(self.find, self.clock)

    def find(self, _principal: Principal) -> Caller | None:
        self.looked_up += 1
        return self.caller


def test_a_caller_is_looked_up_once_in_a_moment() -> None:
    accounts = Accounts()
    assert [accounts.recent.find(KEY) for _ in range(3)] == [CALLER] * 3
    assert accounts.looked_up == 1


def test_a_key_that_is_closed_is_closed_within_that_moment() -> None:
    accounts = Accounts()
    accounts.recent.find(KEY)
    accounts.caller = None
    accounts.clock.now += FRESH_S
    assert accounts.recent.find(KEY) is None


def test_a_key_that_is_opened_is_open_at_once() -> None:
    accounts = Accounts()
    accounts.caller = None
    accounts.recent.find(KEY)
    accounts.caller = CALLER
    assert accounts.recent.find(KEY) == CALLER


def test_only_so_many_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_callers, "MOST_KNOWN", 2)
    accounts = Accounts()
    for number in range(3):
        accounts.recent.find(Principal("acme", f"key_{number}"))
    accounts.recent.find(Principal("acme", "key_0"))
    assert accounts.looked_up == 4
