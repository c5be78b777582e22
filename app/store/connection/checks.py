"""Checks of how a Redis server persists data: facts of which an operator is warned."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from redis.cluster import RedisCluster
from redis.exceptions import ResponseError

from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.reasons import is_withheld

#: Share of maxmemory from which on a Redis counts as nearly full.
NEARLY_FULL = 0.9


@dataclass(frozen=True, slots=True)
class Concern:
    """A problem of a server's configuration or state, and its remedy."""

    cause: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.cause}: {self.remedy}."


@dataclass(frozen=True, slots=True)
class Persistence:
    """How a server persists data.

    `policy` is its maxmemory-policy. `snapshots` and `min_replicas`, its min-replicas-to-write, are
    None if unknown: managed servers refuse CONFIG. `replicas` is the number connected. `memory` is
    the used share of its maxmemory, 0 if that is unlimited, `evicted` the number of evicted keys.
    `is_silent` says that there is no INFO for the gateway's user.
    """

    server: str
    policy: str
    appends: bool
    snapshots: bool | None
    is_master: bool = True
    replicas: int = 0
    min_replicas: int | None = None
    memory: float = 0.0
    evicted: int = 0
    is_silent: bool = False

    def warnings(self, wait_replicas: int = 0) -> Iterator[Concern]:
        """Yield the problems that could lose responses. `wait_replicas` is the setting."""
        if self.is_silent:
            return
        yield from self._warnings_of_memory()
        if not self.appends and self.snapshots is False:
            yield Concern(f"{self.server} keeps nothing on disk", "set appendonly to yes")
        if not self.is_master:
            yield Concern(
                f"{self.server} is a replica and takes no writes", "name the master in REDIS_URL"
            )
        else:
            yield from self._warnings_of_replicas(wait_replicas)

    def _warnings_of_memory(self) -> Iterator[Concern]:
        if self.policy != "noeviction":
            yield Concern(
                f"{self.server} throws data away when its memory is full",
                f"set maxmemory-policy to noeviction (it is {self.policy})",
            )
        if self.evicted:
            yield Concern(
                f"{self.server} has thrown away {self.evicted} keys since it was started",
                "responses may be among them; set maxmemory-policy to noeviction",
            )
        if self.memory >= NEARLY_FULL:
            yield Concern(
                f"{self.server} has taken {self.memory:.0%} of its maxmemory",
                "raise maxmemory, or make room with responses purge",
            )

    def _warnings_of_replicas(self, wait_replicas: int) -> Iterator[Concern]:
        if self.replicas < wait_replicas:
            yield Concern(
                f"{self.server} has {self.replicas} replicas connected and wait_replicas is "
                f"{wait_replicas}: nothing can be promised, answers go to the spool and background "
                "responses are refused",
                "connect its replicas, or lower wait_replicas",
            )
        if self.replicas and not wait_replicas:
            yield Concern(
                f"{self.server} has replicas and wait_replicas is 0: what is promised may be lost "
                "with it",
                "set [redis] wait_replicas = 1 (docs/durability.md)",
            )
        if self.replicas and self.min_replicas == 0:
            yield Concern(
                f"{self.server} takes writes when it is cut off from its replicas",
                "set min-replicas-to-write to 1",
            )


def persistence(client: Client) -> list[Persistence]:
    """Return how each server persists data.

    Raises:
        StorageUnavailable: Redis is unreachable.
    """
    with translated():
        return [persistence_of(server, node) for server, node in servers(client)]


def servers(client: Any) -> list[tuple[str, Any]]:
    """Return each server that takes writes: its name and a client for it alone."""
    if isinstance(client, RedisCluster):
        primaries: list[Any] = client.get_primaries()  # type: ignore[no-untyped-call]  # redis-py's
        return [(node.name, client.get_redis_connection(node)) for node in primaries]
    return [("Redis", client)]


def persistence_of(server: str, client: Any) -> Persistence:
    """Return how one server persists data. Raises what redis-py raises."""
    try:
        info: dict[str, Any] = client.info()
    except ResponseError as error:
        if not is_withheld(error):
            raise
        client.ping()
        return Persistence(server, "", appends=False, snapshots=None, is_silent=True)
    appends = bool(info.get("aof_enabled"))
    min_replicas = _configured(client, "min-replicas-to-write")
    most = info.get("maxmemory", 0)
    return Persistence(
        server,
        info.get("maxmemory_policy", "noeviction"),
        appends,
        None if appends else _saves(client),
        info.get("role", "master") == "master",
        info.get("connected_slaves", 0),
        None if min_replicas is None else int(min_replicas),
        round(info.get("used_memory", 0) / most, 3) if most else 0.0,
        info.get("evicted_keys", 0),
    )


def clock_offsets(client: Client, now: Callable[[], float] = time.time) -> list[tuple[str, float]]:
    """Return by at least how many seconds each server's clock is ahead of this machine's.

    The round trip's time is subtracted. Servers that have no TIME for the user are left out.

    Raises:
        StorageUnavailable: Redis is unreachable.
    """
    with translated():
        found = ((server, _clock_offset(node, now)) for server, node in servers(client))
        return [(server, offset) for server, offset in found if offset is not None]


def _clock_offset(client: Any, now: Callable[[], float]) -> float | None:
    before = now()
    try:
        seconds, microseconds = client.time()
    except ResponseError as error:
        if not is_withheld(error):
            raise
        return None
    after, there = now(), seconds + microseconds / 1e6
    if before <= there <= after:
        return 0.0
    return float(there - after if there > after else there - before)


def _saves(client: Any) -> bool | None:
    rules = _configured(client, "save")
    return None if rules is None else bool(rules)


def _configured(client: Any, name: str) -> str | None:
    try:
        value: str | None = client.config_get(name).get(name)
    except ResponseError:
        return None
    return value
