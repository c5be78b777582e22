"""Readiness: the store and a living worker decide it, upstreams are only told of."""

from __future__ import annotations

import pytest

from app.errors import StorageUnavailable
from app.services.health import WORKER_SILENCE_S, Health


def health(silence_s: float | None = 0.0, *, away: bool = False) -> Health:
    def ping() -> None:
        if away:
            raise StorageUnavailable("away")

    return Health(ping, lambda: silence_s, lambda: {"openai": "open"})


def test_a_gateway_with_its_store_and_a_worker_is_ready() -> None:
    assert health().readiness().ready


def test_a_gateway_without_its_store_is_not_ready() -> None:
    readiness = health(away=True).readiness()
    assert (readiness.ready, readiness.checks["redis"]) == (False, "unavailable")


@pytest.mark.parametrize("silence_s", [WORKER_SILENCE_S, float("inf")])
def test_a_gateway_whose_workers_are_silent_is_not_ready(silence_s: float) -> None:
    readiness = health(silence_s).readiness()
    assert (readiness.ready, readiness.checks["worker"]) == (False, "missing")


def test_a_gateway_without_background_needs_no_worker() -> None:
    readiness = health(None).readiness()
    assert (readiness.ready, readiness.checks["worker"]) == (True, "disabled")


def test_an_upstream_that_fails_is_told_of_and_decides_nothing() -> None:
    readiness = health().readiness()
    assert (readiness.ready, readiness.checks["upstreams"]) == (True, {"openai": "open"})
