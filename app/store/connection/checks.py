"""How a Redis persists what it is given: facts, for an operator to be warned of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from redis.cluster import RedisCluster
from redis.exceptions import ResponseError

from app.store.connection.client import Client
from app.store.connection.errors import translated


@dataclass(frozen=True, slots=True)
class Persistence:
    """How a server persists what it is given.

    `policy` is its maxmemory-policy. `snapshots` and `min_replicas`, its min-replicas-to-write, are
    None where it does not say: managed ones refuse CONFIG. `replicas` is how many are connected.
    """

    server: str
    policy: str
    appends: bool
    snapshots: bool | None
    is_master: bool = True
    replicas: int = 0
    min_replicas: int | None = None

    def warnings(self, wait_replicas: int = 0) -> Iterator[str]:
        """Yield what could lose responses, a sentence each. `wait_replicas` is the setting."""
        if self.policy != "noeviction":
            yield (
                f"{self.server} throws data away when its memory is full: set maxmemory-policy "
                f"to noeviction (it is {self.policy})."
            )
        if not self.appends and self.snapshots is False:
            yield f"{self.server} keeps nothing on disk: set appendonly to yes."
        if not self.is_master:
            yield f"{self.server} is a replica and takes no writes: name the master in REDIS_URL."
        else:
            yield from self._warnings_of_replicas(wait_replicas)

    def _warnings_of_replicas(self, wait_replicas: int) -> Iterator[str]:
        if self.replicas < wait_replicas:
            yield (
                f"{self.server} has {self.replicas} replicas connected and wait_replicas is "
                f"{wait_replicas}: nothing can be promised, answers go to the spool and background "
                "responses are refused."
            )
        if self.replicas and not wait_replicas:
            yield (
                f"{self.server} has replicas and wait_replicas is 0: what is promised may be lost "
                "with it (docs/durability.md)."
            )
        if self.replicas and self.min_replicas == 0:
            yield (
                f"{self.server} takes writes when it is cut off from its replicas: set "
                "min-replicas-to-write to 1."
            )


def persistence(client: Client) -> list[Persistence]:
    """Ask every server how it persists what it is given.

    Raises:
        StorageUnavailable: Redis is unreachable.
    """
    with translated():
        return [persistence_of(server, node) for server, node in servers(client)]


def servers(client: Any) -> list[tuple[str, Any]]:
    """Return each server that takes writes, with a name and a client of its own."""
    if isinstance(client, RedisCluster):
        primaries: list[Any] = client.get_primaries()  # type: ignore[no-untyped-call]  # redis-py's
        return [(node.name, client.get_redis_connection(node)) for node in primaries]
    return [("Redis", client)]


def persistence_of(server: str, client: Any) -> Persistence:
    """Ask one server how it persists what it is given. Raises what redis-py raises."""
    info: dict[str, Any] = client.info()
    appends = bool(info["aof_enabled"])
    min_replicas = _configured(client, "min-replicas-to-write")
    return Persistence(
        server,
        info["maxmemory_policy"],
        appends,
        None if appends else _saves(client),
        info.get("role", "master") == "master",
        info.get("connected_slaves", 0),
        None if min_replicas is None else int(min_replicas),
    )


def _saves(client: Any) -> bool | None:
    rules = _configured(client, "save")
    return None if rules is None else bool(rules)


def _configured(client: Any, name: str) -> str | None:
    try:
        value: str | None = client.config_get(name).get(name)
    except ResponseError:
        return None
    return value
