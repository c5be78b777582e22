"""Readiness: the store, a living worker and the spool decide it, upstreams are only told of."""

from __future__ import annotations

import pytest
from redis.exceptions import MasterDownError, NoPermissionError, OutOfMemoryError

from app.cli.doctor.background import worker_finding
from app.errors import StorageUnavailable
from app.services.health import Health, Readiness
from app.settings.values import WORKER_SILENCE_S


def readiness(
    silence_s: float | None = 0.0,
    *,
    away: bool = False,
    refuses: bool = False,
    unread: bool = False,
    spool_fault: str | None = None,
) -> Readiness:
    def write() -> None:
        if away:
            raise StorageUnavailable("away") from ConnectionError()
        if refuses:
            raise StorageUnavailable("away") from OutOfMemoryError("…", status_code="OOM")

    def read() -> None:
        if unread:
            raise StorageUnavailable("away") from MasterDownError("…", status_code="MASTERDOWN")

    upstreams = {"openai": "closed", "house": "open", "lab": "half_open"}
    health = Health(write, read, lambda: silence_s, lambda: upstreams, lambda: spool_fault)
    return health.readiness()


def test_a_gateway_with_its_store_and_a_worker_is_ready() -> None:
    assert readiness().ready


def test_a_provider_rests_while_all_of_its_keys_do() -> None:
    pools = {"lab": {"eu": True, "us": False}, "openai": {"1": True}}
    upstreams = {"openai": "closed", "house": "closed", "lab": "closed"}
    health = Health(
        lambda: None, lambda: None, lambda: 0.0, lambda: upstreams, lambda: None, lambda: pools
    )
    found = health.readiness()
    assert found.ready
    assert found.upstreams == {"openai": "resting", "house": "ok", "lab": "ok"}
    assert found.upstream_keys == {
        "lab": {"eu": "resting", "us": "ok"},
        "openai": {"1": "resting"},
    }


def test_a_gateway_without_its_store_is_not_ready() -> None:
    found = readiness(away=True)
    assert (found.ready, found.checks["store"]) == (False, "unavailable")


def test_a_store_that_takes_no_writes_still_serves_while_the_spool_does() -> None:
    found = readiness(float("inf"), refuses=True)
    assert (found.ready, found.checks["store"]) == (True, "read_only")


def test_a_store_that_can_be_read_no_more_than_written_is_unavailable() -> None:
    found = readiness(refuses=True, unread=True)
    assert (found.ready, found.checks["store"]) == (False, "unavailable")
    assert found.reasons["store"].startswith("MASTERDOWN")


def test_without_a_spool_a_store_that_takes_no_writes_serves_nobody() -> None:
    found = readiness(refuses=True, spool_fault="Read-only file system")
    assert (found.ready, found.checks["spool"]) == (False, "unwritable")


def test_a_spool_that_takes_nothing_harms_nobody_while_the_store_does() -> None:
    found = readiness(spool_fault="Read-only file system")
    assert (found.ready, found.checks["spool"]) == (True, "unwritable")


def test_it_says_why_something_is_not_well() -> None:
    found = readiness(refuses=True, spool_fault="Read-only file system")
    assert found.reasons["spool"] == "Read-only file system"
    assert found.reasons["store"].startswith("OOM")


@pytest.mark.parametrize("silence_s", [WORKER_SILENCE_S, float("inf")])
def test_a_gateway_whose_workers_are_silent_is_not_ready(silence_s: float) -> None:
    found = readiness(silence_s)
    assert (found.ready, found.checks["worker"]) == (False, "missing")


def test_where_no_write_is_taken_a_silent_worker_is_not_missing() -> None:
    assert readiness(WORKER_SILENCE_S, refuses=True).checks["worker"] == "unknown"


def test_it_says_why_nobody_knows_whether_there_is_a_worker() -> None:
    def silence_s() -> float:
        raise StorageUnavailable("away") from NoPermissionError("…")

    found = Health(lambda: None, lambda: None, silence_s, dict, lambda: None).readiness()
    assert (found.ready, found.checks["worker"]) == (False, "unknown")
    assert found.reasons["worker"].startswith("NOPERM")
    assert worker_finding("unknown", None, found.reasons["worker"]).state == "failed"


def test_a_gateway_without_background_needs_no_worker() -> None:
    found = readiness(None)
    assert (found.ready, found.checks["worker"]) == (True, "disabled")


def test_an_upstream_that_fails_is_told_of_and_decides_nothing() -> None:
    found = readiness()
    assert found.ready
    assert found.upstreams == {"openai": "ok", "house": "resting", "lab": "resting"}
