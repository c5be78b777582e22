"""Leases are renewed while anybody holds them."""

from __future__ import annotations

import threading
from collections.abc import Collection
from threading import Event

import pytest

from app.errors import StorageUnavailable
from app.services.limits.leases import LeaseRenewer
from app.store.rate_limits.base import Lease
from tests.processes import PATIENCE_S, until

LEASE = Lease("one", "acme", ("all",), 30)
OTHER = Lease("two", "acme", ("all",), 30)


class Renewals:
    """Remembers what was renewed; fails the first `failures` times."""

    def __init__(self, failures: int = 0, failure: Exception | None = None) -> None:
        self.failures = failures
        self.failure = failure or StorageUnavailable("away")
        self.seen: list[set[str]] = []
        self.any = Event()

    def __call__(self, leases: Collection[Lease]) -> None:
        if self.failures:
            self.failures -= 1
            raise self.failure
        self.seen.append({lease.id for lease in leases})
        self.any.set()


def test_a_held_lease_is_renewed_again_and_again() -> None:
    renewals = Renewals()
    renewer = LeaseRenewer(renewals, every_s=0.001)
    renewer.add(LEASE)
    until(lambda: len(renewals.seen) > 2, "renewals")
    renewer.remove(LEASE)


def test_all_leases_are_renewed_together() -> None:
    renewals = Renewals()
    renewer = LeaseRenewer(renewals, every_s=0.001)
    renewer.add(LEASE)
    renewer.add(OTHER)
    until(lambda: {"one", "two"} in renewals.seen, "both to be renewed")
    renewer.remove(LEASE)
    renewer.remove(OTHER)


def test_a_renewal_that_failed_is_tried_again() -> None:
    renewals = Renewals(failures=2)
    renewer = LeaseRenewer(renewals, every_s=0.001)
    renewer.add(LEASE)
    assert renewals.any.wait(PATIENCE_S)
    renewer.remove(LEASE)


def test_a_bug_in_a_renewal_stops_no_other() -> None:
    renewals = Renewals(failures=2, failure=ZeroDivisionError())
    renewer = LeaseRenewer(renewals, every_s=0.001)
    renewer.add(LEASE)
    assert renewals.any.wait(PATIENCE_S)
    renewer.remove(LEASE)


def test_where_there_was_no_thread_the_next_lease_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    renewals = Renewals()
    renewer = LeaseRenewer(renewals, every_s=0.001)

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        renewer.add(LEASE)
    renewer.add(OTHER)
    until(lambda: {"one", "two"} in renewals.seen, "both to be renewed")
    renewer.remove(LEASE)
    renewer.remove(OTHER)


def test_without_leases_the_thread_ends() -> None:
    renewer = LeaseRenewer(Renewals(), every_s=0.001)
    renewer.add(LEASE)
    renewer.remove(LEASE)
    until(lambda: not renewer._is_running, "the thread to end")


def test_a_lease_after_a_pause_is_renewed_too() -> None:
    renewals = Renewals()
    renewer = LeaseRenewer(renewals, every_s=0.001)
    renewer.add(LEASE)
    renewer.remove(LEASE)
    until(lambda: not renewer._is_running, "the thread to end")
    renewer.add(OTHER)
    until(lambda: {"two"} in renewals.seen, "the second to be renewed")
    renewer.remove(OTHER)


def test_dropping_what_is_not_held_is_nothing() -> None:
    LeaseRenewer(Renewals()).remove(LEASE)
