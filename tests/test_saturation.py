"""How near a process is to its bounds (N12)."""

from __future__ import annotations

import math
from typing import Any

import pytest

from app.api.in_flight import InFlight
from app.domain.upstream_call import UpstreamCall
from app.errors import UpstreamUnavailable
from app.services.upstreams.concurrency import ConcurrencyLimiter
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.telemetry import SaturationSampler
from tests.samples import samples


def shown(resource: str) -> float | None:
    found = samples("gateway_saturation_ratio")
    return found.get(("gateway_saturation_ratio", (("resource", resource),)))


def test_each_look_shows_what_is_in_use() -> None:
    use = [0.25]
    sampler = SaturationSampler({"a": lambda: use[0]})
    sampler.sample()
    assert shown("a") == 0.25
    use[0] = 1.5
    sampler.sample()
    assert shown("a") == 1.5


def test_a_look_that_fails_does_not_end_the_others() -> None:
    looks = iter([1.0])
    sampler = SaturationSampler({"b": lambda: next(looks)})
    sampler.sample()
    sampler.sample()  # StopIteration: it is logged
    assert shown("b") == 1.0


def test_requests_in_flight_have_a_share_of_what_there_may_be() -> None:
    in_flight = InFlight(4, 1)
    place = in_flight.enter(512 * 1024)
    assert (in_flight.requests_share(), in_flight.memory_share()) == (0.25, 0.5)
    in_flight.leave(place)
    assert (in_flight.requests_share(), in_flight.memory_share()) == (0.0, 0.0)


def test_slots_that_are_waited_for_count_as_well() -> None:
    limiter = ConcurrencyLimiter("a", 1)
    call = UpstreamCall(deadline=math.inf)
    limiter.acquire(call, 0)
    assert limiter.share() == 1.0
    with pytest.raises(UpstreamUnavailable):
        limiter.acquire(call, 0)
    assert limiter.share() == 1.0


def test_connections_of_redis_have_a_share_of_the_pool(redis_url: str) -> None:
    client = connect(RedisSettings(url=redis_url, pool_size=4))
    pool: Any = getattr(client, "connection_pool")  # noqa: B009 - a Cluster has none
    assert pool.share() == 0.0
    connection = pool.get_connection()
    assert pool.share() == 0.25
    pool.release(connection)
    assert pool.share() == 0.0
    client.close()
